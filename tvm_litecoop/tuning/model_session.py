"""The run of a whole model: its kernels tuned by one search, TVM's gradient scheduler dividing the trials."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.analysis import estimate_tir_flops

from tvm_litecoop import cores
from tvm_litecoop.model_files.model import Model
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.tuning import task_times, workdir
from tvm_litecoop.tuning.drive import Watcher, drive, quiet
from tvm_litecoop.tuning.lowering import fused
from tvm_litecoop.tuning.model_outcome import ModelOutcome, TaskOutcome
from tvm_litecoop.tuning.request import BATCH, Request
from tvm_litecoop.tuning.status import Status, TaskStatus
from tvm_litecoop.tuning.tasks import ModelTask, choose, schedulable, tasks_of, timed, weights_stay_cold
from tvm_litecoop.tvm_bridge.machine import machine_of

logger = logging.getLogger(__name__)


def prepared(model: Model, target: Any, request: Request, *, packed: bool) -> tuple[Any, list[ModelTask]]:
    """The fused module of a model and its tasks, those worth their trials first.

    Args:
        model: What is to be tuned.
        target: For which machine.
        request: Its work directory may know the times of the untuned kernels.
        packed: Whether weights are packed in advance.
    """
    mod = fused(model.mod, target, packed=packed)
    known = {} if request.fresh else task_times.read(request.directory, str(target))
    with quiet():
        tasks = timed(schedulable(tasks_of(mod, target), target), target, known)
    batches = request.trials // min(request.trials, request.batch or BATCH) if request.trials else len(tasks)
    return mod, choose(tasks, batches)  # each has one at least


def run(
    request: Request,
    tasks: Sequence[ModelTask],
    target: Any,
    watcher: Watcher,
    pool: Pool | None = None,
) -> ModelOutcome:
    """Tune the kernels of a model with one strategy; an unfinished run in the same directory is gone on with.

    Ctrl-C ends it after the batch and keeps what was measured.

    Args:
        request: What to do.
        tasks: From `prepared`; the same for all searches that are compared.
        target: For which machine.
        watcher: Told how it goes.
        pool: Who proposes; the embedded pool for None.

    Raises:
        WorkDirError: The work directory cannot be used, or another process uses it.
    """
    with workdir.locked(request.directory):
        return _run(request, tasks, target, watcher, pool)


def _run(
    request: Request, tasks: Sequence[ModelTask], target: Any, watcher: Watcher, pool: Pool | None
) -> ModelOutcome:
    database = workdir.open_database(request.directory, fresh=request.fresh)
    task_times.write(request.directory, str(target), tasks)
    chosen = [task for task in tasks if not task.left_out]
    batch = _batch(request, len(chosen))
    rows = [_row(task, database, target) for task in chosen]
    if chosen and not (request.trials or any(row.known for row in rows)):
        why = "it stays untuned; name the --work-dir and the --target of the run that tuned it, or give it --trials"
        logger.warning("%s holds no record of this model for %s: %s", request.directory, target, why)
    status = Status(f"{request.strategy} on {request.workload}", request.trials, batch, request.directory, rows)
    outcome = ModelOutcome(request.workload, str(target), request.strategy, request.seed, request.directory)
    if chosen and request.trials:

        def tune(given: dict[str, Any]) -> None:
            contexts, weights = ms.relax_integration.extracted_tasks_to_tune_contexts(
                [task.on(target).extracted for task in chosen],
                request.directory,
                strategy=given.pop("strategy"),
                space=given.pop("space"),
                seed=request.seed,
                num_threads=cores.physical(),
            )
            ms.tune_tasks(
                tasks=contexts,
                task_weights=weights,
                work_dir=request.directory,
                max_trials_global=request.trials,
                num_trials_per_iter=batch,
                database=database,
                **given,
            )

        cold = weights_stay_cold(tasks, machine_of(target))
        done = drive(request, status, watcher, pool, tune, cold_weights=cold)
        outcome.seconds, outcome.interrupted = done.seconds, done.interrupted
        outcome.members, outcome.escalations = done.members, done.escalations
    outcome.trials, outcome.carried = status.trials, status.carried
    outcome.failed, outcome.first_failure = status.failed, status.first_failure
    outcome.known, outcome.curve = max(0, status.known - status.carried), list(status.curve)
    outcome.tasks = [TaskOutcome(row.name, row.weight, row.trials, row.untuned_s, row.best_s) for row in rows] + [
        TaskOutcome(task.name, task.weight, 0, task.untuned_s, None, task.left_out) for task in tasks if task.left_out
    ]
    return outcome


def _row(task: ModelTask, database: Any, target: Any) -> TaskStatus:
    known, best_s = workdir.known(database, task.mod, target)
    return TaskStatus(task.name, task.weight, int(estimate_tir_flops(task.mod)), task.untuned_s, known, best_s)


def _batch(request: Request, tasks: int) -> int:
    """Candidates per batch; of TVM's own searches so many that every task gets its turn."""
    shared = request.strategy != "litecoop" or request.stock
    most = request.trials // max(1, tasks) if shared and not request.batch else request.trials
    return max(1, min(request.batch_size, most))
