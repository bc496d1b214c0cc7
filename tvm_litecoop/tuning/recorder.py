"""What happens during a run, trial by trial: a TVM measure callback that keeps the status and tells a listener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.errors import last_line
from tvm_litecoop.tuning.status import Status
from tvm_litecoop.tvm_bridge.records import mean_seconds


@derived_object
class Recorder(ms.measure_callback.PyMeasureCallback):  # type: ignore[misc]
    """Counts trials, failures and best times of every task, whatever the strategy.

    Args:
        status: Kept up to date; its tasks are in TVM's order.
        carried: Trials of an unfinished run that is gone on with.
        on_batch: Called after every batch with TVM's scheduler and the number of the task; what it raises ends the run.
    """

    def __init__(self, status: Status, carried: Callable[[], int], on_batch: Callable[[Any, int], None]) -> None:
        super().__init__()
        self._status = status
        self._carried = carried
        self._on_batch = on_batch

    def apply(self, task_scheduler: Any, task_id: int, candidates: Any, builds: Any, results: Any) -> None:
        """TVM calls this after every batch."""
        status, task = self._status, self._status.tasks[int(task_id)]
        status.carried = self._carried()
        for result in results:
            task.trials += 1
            seconds = mean_seconds(result.run_secs)
            if seconds is None:
                status.failed += 1
                status.first_failure = status.first_failure or last_line(result.error_msg or "it has no time")
            elif task.best_s is None or seconds < task.best_s:
                task.best_s = seconds
                status.mark()
        status.mark()
        self._on_batch(task_scheduler, int(task_id))
