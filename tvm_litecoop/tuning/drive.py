"""One search at work, for a kernel and for a whole model alike: its strategy and tools, Ctrl-C, where the time went."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import tvm_ffi
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.design_space import LiteCoOpSpace
from tvm_litecoop.errors import Interrupted
from tvm_litecoop.measure.tools import warm_tools
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search.state import Totals
from tvm_litecoop.strategy import LiteCoOpStrategy
from tvm_litecoop.tuning.interrupt import Interrupt
from tvm_litecoop.tuning.lessons import Lessons
from tvm_litecoop.tuning.recorder import Recorder
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.tuning.status import Status

IN_NOTEBOOK = "s_tir.meta_schedule.using_ipython"
"""TVM's question whether to show tables (meta_schedule/utils.py)."""


class Watcher(Protocol):
    """Who is told how a run goes."""

    def started(self, status: Status) -> None:
        """The database is open; nothing is measured yet."""
        ...

    def measured(self, status: Status) -> None:
        """A batch is done."""
        ...


@dataclass(frozen=True)
class Driven:
    """What is left of a search at work.

    Attributes:
        strategy: What TVM was given.
        seconds: Wall-clock seconds: `total`, `build`, `run`, `search`, `model`, and model seconds `hidden`.
        interrupted: True where the run was stopped by hand.
    """

    strategy: Any
    seconds: dict[str, float]
    interrupted: bool

    @property
    def leader(self) -> str:
        """Who proposed the fastest program; empty for TVM's own searches and for models."""
        return _leader(self.strategy)

    @property
    def members(self) -> dict[str, dict[str, object]]:
        """What each member of the pool cost and brought."""
        pool: Pool | None = getattr(self.strategy, "pool", None)
        return {name: stats.as_json() for name, stats in pool.stats.items()} if pool else {}

    @property
    def escalations(self) -> int:
        """Steps handed to the largest member."""
        return sum(search.state.escalations for search in getattr(self.strategy, "searches", []))


def drive(
    request: Request,
    status: Status,
    watcher: Watcher,
    pool: Pool | None,
    tune: Callable[[dict[str, Any]], Any],
    *,
    cold_weights: bool = False,
) -> Driven:
    """Run TVM's tuning under our eyes. Ctrl-C ends it after the batch and keeps what was measured.

    Args:
        request: What to do.
        status: Kept up to date.
        watcher: Told how it goes.
        pool: Who proposes; the embedded pool for None.
        tune: One of TVM's tuning functions, called with `strategy`, `space`, `measure_callbacks`, and, unless TVM's
            own are asked for, `builder` and `runner`.
        cold_weights: Whether kernels are timed with the weights of their model out of the caches.
    """
    strategy = _strategy(request, pool)
    status.pool = getattr(strategy, "pool", None)
    watcher.started(status)
    with Interrupt() as interrupt, quiet(), ms.Profiler() as profiler:
        run = _Run(request, status, watcher, strategy, interrupt)
        status.start = time.perf_counter()
        tools: AbstractContextManager[dict[str, Any]] = nullcontext({})
        if not request.stock:
            tools = warm_tools(
                interrupt.on_leaving, batch=request.batch_size, cold_weights=cold_weights, meanwhile=run.think
            )
        with tools as builder_and_runner:
            interrupted = run.until_end(tune, builder_and_runner)
        total = status.elapsed_s
        waited_s = getattr(builder_and_runner.get("builder"), "waited_s", 0.0)
    status.carried = _carried(strategy).trials
    return Driven(strategy, _seconds(profiler.get(), total, waited_s, strategy), interrupted)


class _Run:
    """A run under way: what is told after each batch, and when it ends early."""

    def __init__(self, request: Request, status: Status, watcher: Watcher, strategy: Any, interrupt: Interrupt) -> None:
        self._request, self._status, self._watcher = request, status, watcher
        self._strategy, self._interrupt = strategy, interrupt
        self._ours = request.strategy == "litecoop"
        self._leaving = False
        self._lessons = Lessons() if self._ours and not request.stock else None

    def think(self) -> None:
        """What the search may do while kernels are built; TVM's own search waits for its results."""
        if self._lessons is not None:
            self._lessons.learn()
            self._strategy.prepare()

    def until_end(self, tune: Callable[[dict[str, Any]], Any], builder_and_runner: dict[str, Any]) -> bool:
        """Tune until the trials are made or somebody stops it; whether it was stopped by hand."""
        if self._ours:
            self._strategy.stop = lambda: self._interrupt.asked or self._enough()
        recorder = Recorder(self._status, lambda: _carried(self._strategy).trials, self._after_batch)
        default = ms.measure_callback.MeasureCallback.create("default")
        training = [one for one in default if isinstance(one, ms.measure_callback.UpdateCostModel)]
        others = [one for one in default if not isinstance(one, ms.measure_callback.UpdateCostModel)]
        if self._lessons is not None:
            training = [self._lessons]
        given = {
            "strategy": self._strategy,
            "space": _space(self._request),
            "measure_callbacks": [*others, recorder, *training],  # a result is there before anybody learns from it
        }
        if self._lessons is not None:
            given["cost_model"] = self._lessons.cost_model
        finished = False
        try:
            with suppress(Interrupted):
                tune({**given, **builder_and_runner})
            if self._ours and self._strategy.refused and not self._strategy.searches:
                raise self._strategy.refused[0]
            finished = self._enough()
        finally:
            if self._ours:
                self._strategy.close(finished=finished)
        return self._interrupt.asked and not self._enough()

    def _enough(self) -> bool:
        """TVM does not know of trials that an unfinished run has made with other tasks."""
        return self._ours and bool(self._strategy.has_made(self._status.wanted))

    def _after_batch(self, scheduler: Any, task: int) -> None:
        self._status.leader = _leader(self._strategy)
        self._watcher.measured(self._status)
        if self._interrupt.asked and not self._ours and not self._leaving:
            self._leaving = True
            _take_in(scheduler, task)
            raise Interrupted("stopped by a signal")


def _take_in(scheduler: Any, last: int) -> None:
    """The batches of the other tasks, which TVM has measured and looks at when it is their turn (task_scheduler.cc)."""
    for number, task in enumerate(scheduler.tasks_):
        if number != last and task.builder_results is not None:
            scheduler.join_running_task(number)


def _strategy(request: Request, pool: Pool | None) -> Any:
    """What TVM takes: a strategy, or the name of one of its own."""
    if request.strategy != "litecoop":
        return request.strategy
    return LiteCoOpStrategy(pool, SearchConfig.named(request.setting))


def _space(request: Request) -> Any:
    """What TVM takes: a space generator, or the name of its own."""
    return LiteCoOpSpace() if request.space == "litecoop" else "post-order-apply"


def _seconds(profile: dict[str, float], total: float, waited_s: float, strategy: Any) -> dict[str, float]:
    """Where the time went, in seconds of wall clock; `hidden` is model time behind measurements, not part of it.

    What is thought while kernels are built counts as building, but for the seconds that the builds waited for it.
    """
    build, ran = float(profile.get("SendToBuilder", 0.0)) - waited_s, float(profile.get("SendToRunner", 0.0))
    pool: Pool | None = getattr(strategy, "pool", None)
    carried = _carried(strategy)
    model = sum(stats.blocked_s for stats in pool.stats.values()) - carried.blocked_s if pool else 0.0
    hidden = pool.books.hidden_s - carried.hidden_s if pool else 0.0
    search = total - build - ran - model
    return {"total": total, "build": build, "run": ran, "search": search, "model": model, "hidden": hidden}


def _carried(strategy: Any) -> Totals:
    """Of an unfinished run that is gone on with, all tasks together."""
    carried = [search.carried for search in getattr(strategy, "searches", [])]
    return Totals(*map(sum, zip(*carried, strict=True))) if carried else Totals(0, 0.0, 0.0)


def _leader(strategy: Any) -> str:
    """Who proposed the fastest program so far; empty for TVM's own strategies and for several tasks."""
    searches = getattr(strategy, "searches", [])
    best = searches[0].tree.best if len(searches) == 1 else None
    return best.author if best is not None else ""


@contextmanager
def quiet() -> Iterator[None]:
    """TVM's own chatter goes to `logs/` in the work directory, not to the terminal; nor does that it cannot be written.

    TVM's tuning functions give their console handler the level that this logger has before the run
    (meta_schedule/logging.py). In a notebook they would show tables besides, with pandas.
    """
    chatter = logging.getLogger("tvm.s_tir.meta_schedule")
    before = chatter.level, logging.raiseExceptions
    chatter.setLevel(logging.CRITICAL)
    logging.raiseExceptions = False
    in_notebook = tvm_ffi.get_global_func(IN_NOTEBOOK)
    tvm_ffi.register_global_func(IN_NOTEBOOK, lambda: False, override=True)
    try:
        yield
    finally:
        tvm_ffi.register_global_func(IN_NOTEBOOK, in_notebook, override=True)
        chatter.setLevel(before[0])
        logging.raiseExceptions = before[1]
