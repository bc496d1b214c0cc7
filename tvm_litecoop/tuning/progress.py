"""The display of a run: live on a terminal (`dashboard.py` has its parts), a plain line per batch elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.logging import RichHandler

from tvm_litecoop.tuning import dashboard
from tvm_litecoop.tuning.status import Status

SHOWN = {
    "tvm_litecoop.models": logging.INFO,
    "tvm_litecoop.design_space": logging.WARNING,
    "tvm_litecoop.journal": logging.WARNING,
    "tvm_litecoop.measure": logging.WARNING,
    "tvm_litecoop.strategy": logging.WARNING,
    "tvm_litecoop.tuning": logging.WARNING,
    "tvm_litecoop.tvm_bridge": logging.WARNING,
    "tvm_litecoop.waiting": logging.WARNING,
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
            self._say(f"{name}: going on with {status.known} records of earlier runs, {dashboard.found(status)}")

    def measured(self, status: Status) -> None:
        """One batch is done."""
        if not self._console.is_terminal:
            self._say(dashboard.totals(status))

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        if self._status is None:
            return ""
        shown = [part(self._status) for part in dashboard.PARTS]
        return Group(*(part for part in shown if part is not None))


@contextmanager
def log_on(console: Console, *, verbose: bool = False) -> Iterator[None]:
    """What is reported, a server left alone or a run gone on with, goes between the lines of the display.

    Args:
        console: Where to show it.
        verbose: All that is logged as information.
    """
    handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    handler.name = "litecoop"  # TVM's logging cannot bear a handler without a name
    before = {}
    for name, level in SHOWN.items():
        one = logging.getLogger(name)
        before[one] = one.level, one.propagate
        one.addHandler(handler)
        one.setLevel(logging.INFO if verbose else level)
        one.propagate = False
    try:
        yield
    finally:
        for one, (level, propagate) in before.items():
            one.removeHandler(handler)
            one.setLevel(level)
            one.propagate = propagate


class Silent:
    """A watcher that shows nothing."""

    def started(self, status: Status) -> None:
        """Nothing is shown."""

    def measured(self, status: Status) -> None:
        """Nothing is shown."""
