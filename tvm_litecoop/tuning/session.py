"""The run itself: TVM's `tune_tir` with the strategy that was asked for, timed and recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.schedule import ScheduleError

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import Interrupted, LiteCoOpError, WorkloadError
from tvm_litecoop.measure.tools import warm_tools
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.strategy import LiteCoOpStrategy
from tvm_litecoop.tuning import workdir
from tvm_litecoop.tuning.interrupt import Interrupt
from tvm_litecoop.tuning.outcome import Outcome
from tvm_litecoop.tuning.recorder import Recorder
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.workloads import Workload


@dataclass
class Session:
    """One run and what it left behind.

    Attributes:
        outcome: The figures.
        schedule: The best schedule of the database; None where nothing could be measured.
    """

    outcome: Outcome
    schedule: Any


class Watcher(Protocol):
    """Who is told how a run goes."""

    def started(self, directory: str, known: int, known_s: float | None) -> None:
        """The database is open and holds so many records, the fastest of that many seconds."""
        ...

    def measured(self, trials: int, best_s: float | None, author: str) -> None:
        """A batch is done: trials so far, best seconds so far and who proposed it."""
        ...


def run(request: Request, workload: Workload, target: Any, watcher: Watcher, pool: Pool | None = None) -> Session:
    """Tune one workload with one strategy; an unfinished run in the same directory is gone on with.

    Ctrl-C ends it after the batch and keeps what was measured.

    Args:
        request: What to do.
        workload: What to tune.
        target: For which machine.
        watcher: Told how it goes.
        pool: Instead of the pool that the request names.

    Raises:
        WorkDirError: The work directory cannot be used, or another process uses it.
        WorkloadError: TVM cannot make a design space of the function for this target.
    """
    with workdir.locked(request.directory):
        return _run(request, workload, target, watcher, pool)


def _run(request: Request, workload: Workload, target: Any, watcher: Watcher, pool: Pool | None) -> Session:
    strategy = _strategy(request, pool)
    database = workdir.open_database(request.directory, fresh=request.fresh)
    known, known_s = workdir.known(database, workload.mod, target)
    watcher.started(request.directory, known, known_s)
    with Interrupt() as interrupt, _quiet(), ms.Profiler() as profiler:

        def after_batch(trials: int, best_s: float | None) -> None:
            watcher.measured(trials, best_s, _leader(strategy))
            interrupt.check()

        recorder = Recorder(known_s, after_batch, lambda: int(_carried(strategy)[0]))
        start = time.perf_counter()
        interrupted = _tune(request, workload, target, database, strategy, recorder, interrupt)
        total = time.perf_counter() - start
    outcome = Outcome(
        request.workload,
        str(target),
        request.strategy,
        request.seed,
        workload.flops,
        directory=request.directory,
        trials=recorder.trials,
        failed=recorder.failed,
        first_failure=recorder.first_failure,
        known=max(0, known - int(_carried(strategy)[0])),
        best_s=recorder.best_s,
        curve=list(recorder.curve),
        seconds=_seconds(profiler.get(), total, strategy),
        best_author=_leader(strategy),
        interrupted=interrupted,
    )
    if request.strategy == "litecoop":
        outcome.members = {name: stats.as_json() for name, stats in strategy.pool.stats.items()}
        outcome.escalations = sum(search.state.escalations for search in strategy.searches)
    return Session(outcome, ms.tir_integration.compile_tir(database, workload.mod, target))


def _strategy(request: Request, pool: Pool | None) -> Any:
    """What `tune_tir` takes: a strategy, or the name of one of TVM's own."""
    if request.strategy != "litecoop":
        return request.strategy
    if pool is None and request.pool:
        pool = Pool.from_toml(request.pool)
    elif pool is None and request.members:
        pool = Pool.built_in(*request.members)
    return LiteCoOpStrategy(pool, SearchConfig.named(request.setting))


def _tune(
    request: Request,
    workload: Workload,
    target: Any,
    database: Any,
    strategy: Any,
    recorder: Recorder,
    interrupt: Interrupt,
) -> bool:
    """TVM's own `tune_tir`; True where Ctrl-C ended it."""
    with nullcontext({}) if request.stock else warm_tools(interrupt.on_leaving) as tools:  # type: ignore[attr-defined]
        try:
            ms.tune_tir(
                workload.mod,
                target,
                request.directory,
                max_trials_global=request.trials,
                num_trials_per_iter=request.batch_size,
                database=database,
                measure_callbacks=[*ms.measure_callback.MeasureCallback.create("default"), recorder],
                strategy=strategy,
                seed=request.seed,
                **tools,
            )
        except Interrupted:
            return True
        except LiteCoOpError:
            raise
        except (ScheduleError, IndexError, RuntimeError, ValueError) as error:
            if recorder.trials:
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise WorkloadError(
                f"{request.workload}: TVM's schedule rules fail on this function for {target.kind.name}: {reason}",
                "split a block that reads two reductions, as workloads/mlp.py does"
                if target.kind.name == "llvm"
                else "name a whole target, such as nvidia/nvidia-a100: a bare kind lacks limits of the device",
            ) from None
        finally:
            if request.strategy == "litecoop":
                strategy.close()
    return False


def _seconds(profile: dict[str, float], total: float, strategy: Any) -> dict[str, float]:
    """Where the time went, in seconds of wall clock; `hidden` is model time behind measurements, not part of it."""
    build, ran = float(profile.get("SendToBuilder", 0.0)), float(profile.get("SendToRunner", 0.0))
    pool: Pool | None = getattr(strategy, "pool", None)
    model = sum(stats.blocked_s for stats in pool.stats.values()) - _carried(strategy)[1] if pool else 0.0
    hidden = pool.books.hidden_s if pool else 0.0
    search = total - build - ran - model
    return {"total": total, "build": build, "run": ran, "search": search, "model": model, "hidden": hidden}


def _carried(strategy: Any) -> tuple[float, float]:
    """Trials and waiting of an unfinished run that is gone on with."""
    carried = [search.carried for search in getattr(strategy, "searches", [])]
    return sum(trials for trials, _ in carried), sum(blocked_s for _, blocked_s in carried)


def _leader(strategy: Any) -> str:
    """Who proposed the fastest program so far; empty for TVM's own strategies, which are only names here."""
    bests = [search.tree.best for search in getattr(strategy, "searches", [])]
    measured = [node for node in bests if node is not None]
    return max(measured, key=lambda node: node.throughput or 0.0).author if measured else ""


@contextmanager
def _quiet() -> Iterator[None]:
    """TVM's own chatter goes to `logs/` in the work directory, not to the terminal.

    `tune_tir` gives its console handler the level that this logger has before the run (meta_schedule/logging.py).
    """
    chatter = logging.getLogger("tvm.s_tir.meta_schedule")
    before = chatter.level
    chatter.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        chatter.setLevel(before)
