"""Relax flows with our search: a pass and a pipeline that stand where TVM's own stand, which take no strategy.

```python
from tvm_litecoop.relax import static_shape_tuning_pipeline

with target:
    mod = static_shape_tuning_pipeline(total_trials=400, target=target, work_dir="work", cpu_weight_prepack=True)(mod)
executable = tvm.compile(mod, target)
```

For a target that asks for fast math the last line is `tvm_litecoop.fast_math.compiled(mod, target)`.
`tvm.s_tir.meta_schedule.relax_integration.tune_relax` takes `strategy=LiteCoOpStrategy()` as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tvm
from tvm import relax
from tvm.s_tir import meta_schedule as ms
from tvm.target import Target

from tvm_litecoop import cores
from tvm_litecoop.certify.records import RECORDS
from tvm_litecoop.errors import ConfigError, TargetError, WorkDirError
from tvm_litecoop.measure.tools import warm_tools
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.strategy import LiteCoOpStrategy
from tvm_litecoop.tuning import task_times, workdir
from tvm_litecoop.tuning.lowering import can_pack, to_kernels
from tvm_litecoop.tuning.request import BATCH
from tvm_litecoop.tuning.tasks import ModelTask, choose, schedulable, tasks_of, timed, weights_stay_cold
from tvm_litecoop.tvm_bridge.machine import machine_of

logger = logging.getLogger(__name__)


def MetaScheduleTuneIRMod(
    params: dict[str, Any],
    work_dir: str,
    max_trials_global: int,
    max_trials_per_task: int | None = None,
    op_names: list[str] | None = None,
    *,
    strategy: Any = None,
    pool: Pool | None = None,
    seed: int | None = None,
    space: Any = "post-order-apply",
) -> Any:
    """Tune the kernels of a Relax module that was legalized and fused, under the current target.

    Stands where `relax.transform.MetaScheduleTuneIRMod` stands (src/relax/transform/meta_schedule.cc). Beside the
    search it differs in three things: warm builder and runner, batches of 8, and tasks that are not worth their
    trials are left out, which is logged with the reason (`tuning/tasks.py`). TVM's gradient scheduler divides the
    trials among the others.

    Args:
        params: Parameters to bind, by name.
        work_dir: Database, journal and logs.
        max_trials_global: Candidates to measure.
        max_trials_per_task: Of one task at most.
        op_names: Only tasks whose name holds one of these.
        strategy: A search strategy of TVM's interface or the name of one; `LiteCoOpStrategy(pool)` for None.
        pool: Who proposes, where no strategy is given; the embedded pool for None.
        seed: Makes the randomness of the search.
        space: The design spaces: TVM's own, or `LiteCoOpSpace()` for more.

    Raises:
        ConfigError: Both a strategy and a pool.
        TargetError: From the pass, where no target is current.
        WorkDirError: From the pass, where the directory cannot be used, another process uses it, or records did not
            get to the disk.
    """
    if strategy is not None and pool is not None:
        raise ConfigError("a strategy and a pool", "give the pool to the strategy: LiteCoOpStrategy(pool)")

    @tvm.transform.module_pass(opt_level=0, name="LiteCoOpTuneIRMod")  # type: ignore[untyped-decorator]
    def tune(mod: Any, _context: Any) -> Any:
        target = Target.current(allow_none=True)
        if target is None:
            raise TargetError("tuning needs a target", "run the pass under `with target:`")
        found = tasks_of(mod, target, params)
        cold_weights = weights_stay_cold(found, machine_of(target))
        found = [task for task in found if not op_names or any(name in task.name for name in op_names)]
        with (
            workdir.locked(work_dir),
            _searching(strategy, pool, max_trials_global) as search,
            warm_tools(batch=BATCH, cold_weights=cold_weights, meanwhile=_prepare_of(search)) as tools,
        ):
            most = max_trials_global // min(BATCH, max_trials_per_task or BATCH)
            chosen = _worth_their_trials(found, target, work_dir, most, tools)
            if chosen:
                contexts, weights = ms.relax_integration.extracted_tasks_to_tune_contexts(
                    chosen, work_dir, space=space, strategy=search, seed=seed, num_threads=cores.physical()
                )
                ms.tune_tasks(
                    tasks=contexts,
                    task_weights=weights,
                    work_dir=work_dir,
                    max_trials_global=max_trials_global,
                    max_trials_per_task=max_trials_per_task,
                    num_trials_per_iter=min(BATCH, max_trials_global),
                    database=workdir.open_database(work_dir, fresh=False),
                    **tools,
                )
        return mod

    return tune


def _worth_their_trials(
    found: Sequence[ModelTask], target: Target, work_dir: str, most: int, tools: dict[str, Any]
) -> list[Any]:
    """TVM's tasks of those that are tuned, timed unless an earlier run did; why others are left out is logged."""
    known = task_times.read(work_dir, str(target))
    tasks = timed(schedulable(found, target), target, known, tools)
    task_times.write(work_dir, str(target), tasks)
    tasks = choose(tasks, most)
    for task in tasks:
        if task.left_out:
            logger.info("%s is not tuned: %s", task.name, task.left_out)
    return [task.extracted for task in tasks if not task.left_out]


def _prepare_of(strategy: Any) -> Callable[[], object]:
    """What a strategy may do while kernels are built."""
    return strategy.prepare if isinstance(strategy, LiteCoOpStrategy) else lambda: None


@tvm.transform.module_pass(opt_level=0, name="litecoop_packable")  # type: ignore[untyped-decorator]
def _packable(mod: Any, _context: Any) -> Any:
    """What cannot be packed is known before anything is tuned: records of kernels with packed weights fit no others."""
    if not can_pack(mod):
        raise ConfigError("TVM cannot pack the weights of this module", "leave out cpu_weight_prepack")
    return mod


def _mended(work_dir: str) -> None:
    """TVM would refuse the whole database for one broken line; one that is not ours to mend is left to it."""
    with suppress(WorkDirError), workdir.locked(work_dir):
        workdir.open_database(work_dir, fresh=False)


@contextmanager
def _searching(given: Any, pool: Pool | None, trials: int) -> Iterator[Any]:
    """The user's strategy; or one of ours, whose threads and journal are let go of at the end, whatever it is.

    A run that is gone on with ends after so many trials, those before it was cut off among them.
    """
    search = LiteCoOpStrategy(pool) if given is None else given
    if not isinstance(search, LiteCoOpStrategy):
        yield search
        return
    stop, before, finished = search.stop, len(search.searches), False
    search.stop = lambda: stop() or search.has_made(trials, since=before)
    try:
        yield search
        finished = search.has_made(trials, since=before)
    finally:
        search.stop = stop
        if given is None or finished:
            search.close(finished=finished)


def static_shape_tuning_pipeline(
    total_trials: int,
    target: Any,
    work_dir: str = "tuning_logs",
    cpu_weight_prepack: bool = False,
    max_trials_per_task: int | None = None,
    *,
    strategy: Any = None,
    pool: Pool | None = None,
    seed: int | None = None,
    space: Any = "post-order-apply",
) -> Any:
    """Tune a Relax module of static shapes and apply what was found; `tvm.compile` makes a program of the result.

    Stands where `relax.pipeline.static_shape_tuning_pipeline` stands, with the same passes around the tuning.

    Args:
        total_trials: Candidates to measure; 0 to apply what is in the database.
        target: For which machine.
        work_dir: Database, journal and logs.
        cpu_weight_prepack: Store weights in the layout of their kernel. Constants are packed here and now. For
            parameters of the function TVM makes a function `main_transform_params`, to be called once on them.
        max_trials_per_task: Of one task at most.
        strategy: As in `MetaScheduleTuneIRMod`.
        pool: As in `MetaScheduleTuneIRMod`.
        seed: Makes the randomness of the search.
        space: As in `MetaScheduleTuneIRMod`.

    Raises:
        ConfigError: Both a strategy and a pool. From the pipeline, where TVM cannot pack the weights of the module.
        WorkDirError: From the pipeline, as from `MetaScheduleTuneIRMod`; or without trials there is no database.
    """
    transform, target = relax.transform, Target(target)
    tuning = MetaScheduleTuneIRMod(
        {}, work_dir, total_trials, max_trials_per_task, strategy=strategy, pool=pool, seed=seed, space=space
    )

    @tvm.transform.module_pass(opt_level=0, name="litecoop_static_shape_tuning")  # type: ignore[untyped-decorator]
    def pipeline(mod: Any, _context: Any) -> Any:
        if total_trials <= 0 and not (Path(work_dir) / RECORDS).exists():
            raise WorkDirError(f"{work_dir!r} holds no database to apply", "name a tuned work dir, or give trials")
        _mended(work_dir)
        with target:
            passes = [
                *to_kernels(),
                *([transform.AttachAttrLayoutFreeBuffers(), _packable] if cpu_weight_prepack else []),
                *([tuning] if total_trials > 0 else []),
                transform.MetaScheduleApplyDatabase(work_dir),
            ]
            if cpu_weight_prepack:
                passes += [
                    transform.SplitLayoutRewritePreproc(),
                    transform.LiftTransformParams(),
                    transform.FoldConstant(),
                ]
            return tvm.transform.Sequential(passes)(mod)

    return pipeline
