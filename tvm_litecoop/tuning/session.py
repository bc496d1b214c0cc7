"""The run itself: TVM's `tune_tir` with the strategy that was asked for, timed and recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.schedule import ScheduleError

from tvm_litecoop.errors import Interrupted, WorkloadError
from tvm_litecoop.measure import AdaptiveRunner, WarmBuilder, export_shared
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.strategy import LiteCoOpStrategy
from tvm_litecoop.tuning import workdir
from tvm_litecoop.tuning.interrupt import Interrupt
from tvm_litecoop.tuning.outcome import Outcome
from tvm_litecoop.tuning.recorder import Recorder
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.workloads import Workload

BUILD_LIMIT_S = 15.0
"""A candidate that compiles longer is given up: it costs as much as a hundred others, and was never a good one."""


@dataclass
class Session:
    """One run and what it left behind.

    Attributes:
        outcome: The figures.
        schedule: The best schedule of the database; None where nothing could be measured.
    """

    outcome: Outcome
    schedule: Any


def run(
    request: Request, workload: Workload, target: Any, on_batch: Callable[[int, float | None, str], None]
) -> Session:
    """Tune one workload with one strategy. Ctrl-C ends it after the batch and keeps what was measured.

    Args:
        request: What to do.
        workload: The parsed workload.
        target: The parsed target.
        on_batch: Called with (trials, best seconds or None, author of the best) after every batch.

    Raises:
        WorkDirError: The work directory cannot be used.
        WorkloadError: TVM cannot make a design space of the function.
    """
    database = workdir.open_database(request.directory, fresh=request.fresh)
    outcome = Outcome(request.workload, str(target), request.strategy, request.seed, workload.flops)
    outcome.known = len(database.get_all_tuning_records())
    strategy: Any = request.strategy
    if strategy == "litecoop":
        strategy = LiteCoOpStrategy(Pool.built_in(*request.members) if request.members else None)
    interrupt = Interrupt()

    def after_batch(trials: int, best: float | None) -> None:
        on_batch(trials, best, _leader(strategy))
        interrupt.check()

    recorder = Recorder(after_batch)
    start = time.perf_counter()
    with interrupt, _quiet(), ms.Profiler() as profiler, _tools(request) as tools:
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
            outcome.interrupted = True
        except ScheduleError as error:
            reason = str(error).strip().splitlines()[-1]
            raise WorkloadError(
                f"{request.workload}: TVM's schedule rules fail on this function: {reason}",
                "split a block that reads two reductions into two; workloads/mlp.py shows how",
            ) from None
    _fill(outcome, recorder, profiler.get(), time.perf_counter() - start)
    outcome.best_author = _leader(strategy)
    if request.strategy == "litecoop":
        outcome.members = {name: stats.as_json() for name, stats in strategy.pool.stats.items()}
        outcome.escalations = sum(search.escalations for search in strategy.searches)
    return Session(outcome, ms.tir_integration.compile_tir(database, workload.mod, target))


@contextmanager
def _tools(request: Request) -> Iterator[dict[str, Any]]:
    """Builder and runner: TVM's own where asked for, else the warm ones, closed afterwards."""
    if request.stock:
        yield {}
        return
    builder, runner = WarmBuilder(f_export=export_shared, timeout_sec=BUILD_LIMIT_S), AdaptiveRunner()
    try:
        yield {"builder": builder, "runner": runner}
    finally:
        builder.close()
        runner.close()


def _fill(outcome: Outcome, recorder: Any, profile: dict[str, float], total: float) -> None:
    outcome.trials = recorder.trials
    outcome.curve = list(recorder.curve)
    outcome.best_s = outcome.curve[-1][2] if outcome.curve else None
    build, ran = float(profile.get("SendToBuilder", 0.0)), float(profile.get("SendToRunner", 0.0))
    outcome.seconds = {"total": total, "build": build, "run": ran, "search": total - build - ran, "model": 0.0}


def _leader(strategy: Any) -> str:
    """Who proposed the fastest program so far; empty for TVM's own strategies, which are only names here."""
    bests = [search.best for search in getattr(strategy, "searches", [])]
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
