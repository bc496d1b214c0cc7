"""The display of a run: one live line on a terminal, a plain line per batch elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tvm_litecoop.tuning.outcome import Outcome


class Progress:
    """Shows trials, best latency, GFLOP/s, who proposed the best, and the seconds left.

    Use as a context manager; call it after every batch.

    Args:
        console: Where to show it.
        name: What is being tuned and how.
        trials: Trials the run may use.
        flops: Arithmetic operations of one run of the kernel.
    """

    def __init__(self, console: Console, name: str, trials: int, flops: int) -> None:
        self._console, self._name, self._trials, self._flops = console, name, trials, flops
        self._start = time.perf_counter()
        self._line = f"{name}: starting"
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

    def __call__(self, trials: int, best_s: float | None, author: str) -> None:
        """One batch is done."""
        elapsed = time.perf_counter() - self._start
        left = elapsed / trials * (self._trials - trials) if trials else 0.0
        found = "no candidate ran yet"
        if best_s is not None:
            found = f"best {best_s * 1e3:.4f} ms, {self._flops / best_s / 1e9:.1f} GFLOP/s"
        by = f" by {author}" if author else ""
        self._line = f"{self._name}: {trials}/{self._trials} trials, {found}{by}, {left:.0f} s left"
        if not self._console.is_terminal:
            self._console.print(self._line, highlight=False, soft_wrap=True)

    def _render(self) -> str:
        return f"{self._line} ({time.perf_counter() - self._start:.0f} s)"


def results(outcomes: list[Outcome]) -> Table:
    """The strategies side by side; the first row is what the others are compared with."""
    table = Table(box=None, pad_edge=False)
    for column in ("strategy", "trials", "best ms", "GFLOP/s", "speed", "tuning s", "correct"):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    base = outcomes[0].seconds_per_run
    for outcome in outcomes:
        mine = outcome.seconds_per_run
        table.add_row(
            outcome.strategy,
            str(outcome.trials),
            f"{mine * 1e3:.4f}" if mine else "none",
            f"{outcome.gflops:.1f}" if outcome.gflops else "none",
            f"{base / mine:.2f}x" if base and mine else "",
            f"{outcome.seconds.get('total', 0.0):.1f}",
            {True: "yes", False: "NO", None: "unchecked"}[outcome.correct],
        )
    return table


def members(outcome: Outcome) -> Table:
    """What each member of the pool brought."""
    table = Table(box=None, pad_edge=False)
    for column in ("member", "calls", "proposals", "rejected", "trials", "hits", "records", "USD"):
        table.add_column(column, justify="left" if column == "member" else "right")
    for name, stats in outcome.members.items():
        rejections = stats["rejections"]
        rejected = sum(rejections.values()) if isinstance(rejections, dict) else 0
        plain = [str(stats[key]) for key in ("calls", "proposals")]
        rest = [str(stats[key]) for key in ("trials", "hits", "records")]
        table.add_row(name, *plain, str(rejected), *rest, f"{stats['usd']:.4f}")
    return table
