"""TVM's update of its cost model, put off until kernels are built anyway and the model would answer."""

from __future__ import annotations

from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.tvm_bridge.context import Context


@derived_object
class Lessons(ms.measure_callback.PyMeasureCallback):  # type: ignore[misc]
    """Stands in the place of TVM's callback (measure_callback/update_cost_model.cc).

    That one can be called only right after a batch.

    Attributes:
        cost_model: TVM's, for `tune_tir` and `tune_tasks`. It trains on one thread: where builds keep all cores busy,
            two of them wait for each other so often that they take several times as long.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cost_model = ms.cost_model.XGBModel(num_tuning_cores=1)
        self._kept: dict[int, tuple[Context, list[Any], list[Any]]] = {}

    def apply(self, task_scheduler: Any, task_id: int, candidates: Any, builds: Any, results: Any) -> None:
        """TVM calls this after every batch; what was built is kept, all that TVM's callback would learn from."""
        context = Context.of(task_scheduler.tasks_[int(task_id)].ctx)
        _, built, measured = self._kept.setdefault(int(task_id), (context, [], []))
        for candidate, build, result in zip(candidates, builds, results, strict=True):
            took = sum(float(seconds) for seconds in result.run_secs or ())
            if build.error_msg is None and (took or result.error_msg is not None):
                built.append(candidate)
                measured.append(result)

    def learn(self) -> None:
        """Train on what is kept, once that is enough for the model to answer by; before it answers by chance."""
        new = sum(len(built) for _, built, _ in self._kept.values())
        if self.cost_model.data_size + new < self.cost_model.num_warmup_samples:
            return
        kept, self._kept = self._kept, {}
        for context, built, measured in kept.values():
            self.cost_model.update(context.for_cost_model(), built, measured)
