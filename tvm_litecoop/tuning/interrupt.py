"""Ctrl-C during a run: once ends it after the batch that is running, twice leaves at once. Nothing measured is lost.

The exception Python would raise cannot be let through: it arises anywhere, also below TVM's C++ code, which crashes on
it. So the signal only sets a mark, and the run asks for it between two batches.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from tvm_litecoop.errors import Interrupted


class Interrupt:
    """Watches for Ctrl-C while it is entered; in the main thread, that is, since Python allows it nowhere else."""

    def __init__(self) -> None:
        self.asked = False
        self._before: object = None
        self._on_leaving: Callable[[], object] = lambda: None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]

    def on_leaving(self, clean_up: Callable[[], object]) -> None:
        """What to do before a second Ctrl-C ends the process."""
        self._on_leaving = clean_up

    def check(self) -> None:
        """Call between two batches.

        Raises:
            Interrupted: Ctrl-C was pressed.
        """
        if self.asked:
            raise Interrupted("stopped by Ctrl-C")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self._on_leaving()
            os._exit(130)  # workers end with this process; the database has every finished batch
        self.asked = True
        print("\nlitecoop: ending after this batch; once more to leave at once", file=sys.stderr, flush=True)
