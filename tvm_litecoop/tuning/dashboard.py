"""The live display of a run on a terminal: totals, tasks, members. One part is one function of the status."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType
from rich.table import Table

from tvm_litecoop import waiting
from tvm_litecoop.tuning.status import Status, TaskStatus
from tvm_litecoop.tuning.tables import money, plain

ROWS = 12
"""Tasks that are shown; those that take most of the time."""


def totals(status: Status) -> str:
    """The run in one line."""
    if status.trials == status.carried:
        done = f"{status.trials}/{status.wanted} trials" if status.carried else f"{status.wanted} trials"
        return f"{status.name}: {done}, building and timing the first batch"
    by = f" by {status.leader}" if status.leader else ""
    left = f", {status.left_s:.0f} s left" if status.left_s is not None else ""
    return f"{status.name}: {status.trials}/{status.wanted} trials, {found(status)}{by}{left}"


def found(status: Status) -> str:
    """The best so far."""
    if len(status.tasks) > 1:
        return f"kernels of the model {_ms(status.best_s)} ms" if status.best_s else "not every task has a time yet"
    if status.best_s is None:
        return "no candidate ran yet"
    return f"best {status.best_s * 1e3:.4f} ms, {status.tasks[0].flops / status.best_s / 1e9:.1f} GFLOP/s"


def tasks(status: Status) -> RenderableType | None:
    """The tasks that take most of the time; nothing for a single kernel, which the totals tell of."""
    if len(status.tasks) == 1:
        return None
    shown = plain("kernel", "calls", "trials", "untuned ms", "best ms", "faster")
    by_time = sorted(status.tasks, key=lambda task: -task.weight * (task.seconds or float("inf")))
    for task in by_time[:ROWS]:
        times = (_ms(task.untuned_s), _ms(task.best_s), _faster(task))
        shown.add_row(task.name, str(task.weight), str(task.trials), *times)
    if len(by_time) > ROWS:
        shown.caption = f"and {len(by_time) - ROWS} more"
    return shown


def members(status: Status) -> Table | None:
    """Who acts now, and what each member cost and brought; nothing for TVM's own searches."""
    if status.pool is None:
        return None
    shown, acting = plain("member", "acting", "calls", "hits", "USD", "s"), status.pool.calls.acting
    for name, stats in list(status.pool.stats.items()):
        now = str(acting[name] or "")
        usd = money(stats.usd, stats.assumed_usd)
        shown.add_row(name, now, str(stats.calls), str(stats.hits), usd, f"{stats.seconds:.1f}")
    return shown


def hidden(status: Status) -> str | None:
    """How much of the models' time was hidden behind measurements."""
    seconds = status.pool.books.hidden_s if status.pool is not None else 0.0
    return f"{seconds:.1f} s of model time hidden behind measurements" if seconds else None


def now(status: Status) -> str:
    """Seconds so far, and what is waited for."""
    return f"{status.elapsed_s:.0f} s {waiting.now()}"


PARTS: tuple[Callable[[Status], RenderableType | None], ...] = (totals, tasks, members, hidden, now)
"""From top to bottom; None leaves a part out."""


def _faster(task: TaskStatus) -> str:
    return f"{task.untuned_s / task.best_s:.1f}x" if task.untuned_s and task.best_s else ""


def _ms(seconds: float | None) -> str:
    return f"{seconds * 1e3:.4g}" if seconds is not None else ""
