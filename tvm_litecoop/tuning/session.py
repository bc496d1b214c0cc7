"""The run of one kernel: TVM's `tune_tir` with the strategy that was asked for, timed and recorded."""

from __future__ import annotations

from typing import Any

from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.schedule import ScheduleError

from tvm_litecoop import cores
from tvm_litecoop.errors import ConfigError, LiteCoOpError, WorkloadError
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.tuning import workdir
from tvm_litecoop.tuning.drive import Watcher, drive
from tvm_litecoop.tuning.outcome import Outcome
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.tuning.status import Status, TaskStatus
from tvm_litecoop.tuning.tasks import failing
from tvm_litecoop.workloads import Workload


def run(request: Request, workload: Workload, target: Any, watcher: Watcher, pool: Pool | None = None) -> Outcome:
    """Tune one workload with one strategy; an unfinished run in the same directory is gone on with.

    Ctrl-C ends it after the batch and keeps what was measured.

    Args:
        request: What to do.
        workload: What to tune.
        target: For which machine.
        watcher: Told how it goes.
        pool: Who proposes; the embedded pool for None.

    Raises:
        ConfigError: No trials are asked for.
        WorkDirError: The work directory cannot be used, or another process uses it.
        WorkloadError: TVM cannot make a design space of the function for this target.
    """
    if request.trials < 1:
        raise ConfigError(f"trials is {request.trials}", "choose at least 1")
    with workdir.locked(request.directory):
        return _run(request, workload, target, watcher, pool)


def _run(request: Request, workload: Workload, target: Any, watcher: Watcher, pool: Pool | None) -> Outcome:
    database = workdir.open_database(request.directory, fresh=request.fresh)
    known, known_s = workdir.known(database, workload.mod, target)
    task = TaskStatus(workload.name, flops=workload.flops, known=known, best_s=known_s)
    name = f"{request.strategy} on {request.workload}"
    status = Status(name, request.trials, request.batch_size, request.directory, [task])

    def tune(given: dict[str, Any]) -> None:
        try:
            ms.tune_tir(
                workload.mod,
                target,
                request.directory,
                max_trials_global=request.trials,
                num_trials_per_iter=request.batch_size,
                database=database,
                seed=request.seed,
                num_tuning_cores=cores.physical(),
                **given,
            )
        except LiteCoOpError:
            raise
        except (ScheduleError, IndexError, RuntimeError, ValueError):
            why = "" if status.trials else failing(workload.mod, target)
            if not why:
                raise
            raise _no_space(request, target, why) from None

    done = drive(request, status, watcher, pool, tune)
    return Outcome(
        request.workload,
        str(target),
        request.strategy,
        request.seed,
        request.directory,
        flops=workload.flops,
        trials=status.trials,
        carried=status.carried,
        failed=status.failed,
        first_failure=status.first_failure,
        known=max(0, known - status.carried),
        best_s=status.best_s,
        curve=list(status.curve),
        seconds=done.seconds,
        best_author=done.leader,
        interrupted=done.interrupted,
        members=done.members,
        escalations=done.escalations,
    )


def _no_space(request: Request, target: Any, why: str) -> WorkloadError:
    return WorkloadError(
        f"{request.workload}: TVM's schedule rules fail on this function for {target.kind.name}: {why}",
        "split a block that reads two reductions, as workloads/mlp.py does"
        if target.kind.name == "llvm"
        else "for a GPU name a whole target, such as nvidia/nvidia-a100: a bare kind lacks limits of the device",
    )
