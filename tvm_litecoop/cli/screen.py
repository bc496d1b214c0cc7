"""Where commands print: a terminal as wide as it is, anything else in lines of 120; text is shown as it stands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

WIDTH = 120
"""Columns of output that goes to no terminal."""


def console() -> Console:
    """Standard output, on which a path with brackets or colons is neither markup nor a picture."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, markup=False, emoji=False)


class Screen:
    """What a run shows.

    Args:
        quiet: Only the result.
        verbose: What is logged as information, too.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.console = console()
        self._quiet, self._verbose = quiet, verbose

    def say(self, line: str) -> None:
        """A line of the result."""
        self.console.print(line, highlight=False, soft_wrap=True)

    def note(self, line: str) -> None:
        """A line on the way there."""
        if not self._quiet:
            self.say(line)

    def page_of(self, outcome: Any) -> None:
        """Where to see what our search did."""
        if outcome.strategy == "litecoop" and outcome.trials:
            self.say(f"what it did, as a page: litecoop report {shlex.quote(outcome.directory)}")

    @contextmanager
    def logging(self) -> Iterator[None]:
        """What is logged is shown here."""
        from tvm_litecoop.tuning import progress

        with progress.log_on(self.console, verbose=self._verbose):
            yield

    @contextmanager
    def display(self) -> Iterator[Any]:
        """The watcher of a run, and what is logged meanwhile."""
        from tvm_litecoop.tuning import progress

        with self.logging():
            if self._quiet:
                yield progress.Silent()
            else:
                with progress.Progress(self.console) as shown:
                    yield shown
