"""Standard output that may go away, as with `| head`, or be full: what comes then is lost, and the work goes on."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Lossy:
    """A text stream that is written to as long as somebody takes it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """All of it, or to nowhere from now on."""
        try:
            return int(self._stream.write(text))
        except OSError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        """The same for what is on its way."""
        try:
            self._stream.flush()
        except OSError:
            self._let_go()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _let_go(self) -> None:
        """What is in its buffer, and all that comes, goes to nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def lossy_stdout() -> Iterator[None]:
    """Nothing that is printed in here raises."""
    before = sys.stdout
    stream: Any = before if before is not None else io.StringIO()  # None where it was closed before we began
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="backslashreplace")  # the name of a directory need not be Unicode
    sys.stdout = _Lossy(stream)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stdout = before
