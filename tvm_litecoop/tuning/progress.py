"""The display of a run: one live line on a terminal, a plain line per batch elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.logging import RichHandler
from rich.table import Table

from tvm_litecoop.tuning.outcome import Outcome
from tvm_litecoop.tuning.status import Status

SHOWN = {
    "tvm_litecoop.models": logging.INFO,
    "tvm_litecoop.journal": logging.WARNING,
    "tvm_litecoop.tuning": logging.WARNING,
    "tvm_litecoop.tvm_bridge": logging.WARNING,
}
"""Whose reports are shown, and from which level on."""


class Progress:
    """Shows how a run stands; a context manager.

    Args:
        console: Where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._live = Live(get_renderable=self._render, console=console, transient=True, refresh_per_second=4)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def started(self, status: Status) -> None:
        """The database is open; says what is about to happen, and what is gone on with."""
        self._status = status
        name = status.name
        self._say(f"{name}: {status.wanted} trials in batches of {status.batch}, records go to {status.directory}")
        if status.known:
            self._say(f"{name}: going on with {status.known} records of earlier runs, {found(status)}")

    def measured(self, status: Status) -> None:
        """One batch is done."""
        if not self._console.is_terminal:
            self._say(line(status))

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        return "" if self._status is None else f"{line(self._status)} ({self._status.elapsed_s:.0f} s)"


def line(status: Status) -> str:
    """The run in one line."""
    if status.trials == status.carried:
        return f"{status.name}: building and timing the first batch"
    by = f" by {status.leader}" if status.leader else ""
    left = f", {status.left_s:.0f} s left" if status.left_s is not None else ""
    return f"{status.name}: {status.trials}/{status.wanted} trials, {found(status)}{by}{left}"


def found(status: Status) -> str:
    """The best so far."""
    if status.best_s is None:
        return "no candidate ran yet" if len(status.tasks) == 1 else "not every task has a time yet"
    if len(status.tasks) > 1:
        return f"kernels of the model {status.best_s * 1e3:.4g} ms"
    return f"best {status.best_s * 1e3:.4f} ms, {status.tasks[0].flops / status.best_s / 1e9:.1f} GFLOP/s"


def results(outcomes: list[Outcome]) -> Table:
    """The strategies side by side, as timed together at the end; the first row is what the others are compared with."""
    table = _table("strategy", "trials", "failed", "kernel ms", "GFLOP/s", "speed", "untuned x", "tuning s", "correct")
    base = outcomes[0].seconds_per_run
    for outcome in outcomes:
        mine = outcome.seconds_per_run
        table.add_row(
            outcome.strategy,
            f"{outcome.trials} + {outcome.known} earlier" if outcome.known else str(outcome.trials),
            str(outcome.failed),
            f"{mine * 1e3:.4f}" if mine else "none",
            f"{outcome.gflops:.1f}" if outcome.gflops else "none",
            f"{base / mine:.2f}x" if base and mine and len(outcomes) > 1 else "",
            _times_untuned(outcome),
            f"{outcome.seconds.get('total', 0.0):.1f}",
            {True: "yes", False: "NO", None: f"unchecked: {outcome.unchecked}"}[outcome.correct],
        )
    return table


def remarks(outcome: Outcome, wanted: int) -> list[str]:
    """What the figures alone do not say: why a run ended early, and of what its candidates failed."""
    said = []
    if outcome.trials < wanted and not outcome.interrupted:
        said.append(f"{outcome.strategy} ended after {outcome.trials} of {wanted} trials: it found nothing new to try")
    if outcome.failed:
        said.append(f"{outcome.failed} of {outcome.trials} candidates failed, the first: {outcome.first_failure}")
    if outcome.failed and not outcome.best_s:
        said.append(f"TVM's log of the run is in {outcome.directory}/logs")
    return said


def _times_untuned(outcome: Outcome) -> str:
    """How many times as fast as the untuned program, with the interval."""
    if outcome.speedup is None:
        return "untuned is best" if outcome.certificate else ""
    mean, low, high = outcome.speedup
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def members(outcome: Outcome) -> Table:
    """What each member of the pool cost and brought."""
    figures = ("calls", "given", "refused", "faults", "trials", "hits", "records", "tokens", "USD", "s")
    table = _table("member", *figures)
    for name, stats in outcome.members.items():
        counted = {
            **stats,
            "given": stats["proposals"],
            "faults": _sum(stats["faults"]),
            "tokens": int(str(stats["tokens_in"])) + int(str(stats["tokens_out"])),
            "USD": f"{stats['usd']:.4f}",
            "s": f"{stats['seconds']:.1f}",
        }
        table.add_row(name, *(str(counted[figure]) for figure in figures))
    return table


def model_time(outcome: Outcome) -> str:
    """How long models thought, and how much of that was hidden behind measurements."""
    hidden, waited = outcome.seconds["hidden"], outcome.seconds["model"]
    total = sum(float(str(stats["seconds"])) for stats in outcome.members.values())
    share = f" ({hidden / total:.0%})" if total else ""
    return f"calls to models took {total:.1f} s, {hidden:.1f} s{share} of it behind measurements; waited {waited:.1f} s"


@contextmanager
def log_on(console: Console) -> Iterator[None]:
    """What is reported, a server left alone or a run gone on with, goes between the lines of the display."""
    handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    handler.name = "litecoop"  # TVM's logging cannot bear a handler without a name
    before = {}
    for name, level in SHOWN.items():
        one = logging.getLogger(name)
        before[one] = one.level, one.propagate
        one.addHandler(handler)
        one.setLevel(level)
        one.propagate = False
    try:
        yield
    finally:
        for one, (level, propagate) in before.items():
            one.removeHandler(handler)
            one.setLevel(level)
            one.propagate = propagate


def _sum(reasons: object) -> int:
    return sum(reasons.values()) if isinstance(reasons, dict) else 0


def _table(*columns: str) -> Table:
    """A plain table; the first column is a name, the others are figures."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


class Silent:
    """A watcher that shows nothing."""

    def started(self, status: Status) -> None:
        """Nothing is shown."""

    def measured(self, status: Status) -> None:
        """Nothing is shown."""
