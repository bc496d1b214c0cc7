"""Ctrl-C or SIGTERM: once ends a run after the batch that is running, twice leaves at once. Nothing measured is lost.

The exception Python would raise cannot be let through: it arises anywhere, also below TVM's C++ code, which crashes on
it. So the signal only sets a mark, and the run asks for it between two batches.

A terminal sends the signal to every process of the run. TVM's own workers would die of it, and the batch with them: so
it is blocked in the main thread, which they inherit, and a thread of its own hears of it, at once, whatever the main
thread waits for.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHOW_CURSOR = b"\x1b[?25h"
"""A live display has hidden it."""


class Interrupt:
    """Watches for the signals while it is entered; in the main thread, that is, since Python allows it nowhere else.

    Attributes:
        asked: Ctrl-C was pressed, or SIGTERM sent.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: tuple[list[Any], int] | None = None
        self._on_leaving: Callable[[], object] = lambda: None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            # Python writes the number of a signal there from whichever thread took it
            wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            self._before = [signal.signal(number, lambda *_: None) for number in SIGNALS], wakeup
            self._listener = threading.Thread(target=self._listen, args=(reader,), name="ctrl-c", daemon=True)
            self._listener.start()  # before the signal is blocked here: a thread inherits that
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            handlers, wakeup = self._before
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            signal.set_wakeup_fd(wakeup)
            for number, handler in zip(SIGNALS, handlers, strict=True):
                signal.signal(number, handler or signal.SIG_DFL)  # None for one that Python does not know
            os.close(self._writer)
            self._listener.join()

    def on_leaving(self, clean_up: Callable[[], object]) -> None:
        """What to do before a second signal ends the process."""
        self._on_leaving = clean_up

    def _listen(self, reader: int) -> None:
        """Until the other end is closed."""
        while number := os.read(reader, 1):
            if number[0] in SIGNALS:
                self._on_signal()
        os.close(reader)

    def _on_signal(self) -> None:
        if self.asked:
            self._on_leaving()
            with suppress(OSError, ValueError):
                if sys.stdout.isatty():
                    os.write(sys.stdout.fileno(), SHOW_CURSOR)
            os._exit(130)  # workers end with this process; database and journal have every finished batch
        self.asked = True
        with suppress(OSError, ValueError):  # Ctrl-C ends a `| tee` too
            print("\nlitecoop: ending after this batch; once more to leave at once", file=sys.stderr, flush=True)
