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

    def __init__(self, stream: Any, nowhere: Any) -> None:
        self._stream, self._nowhere = stream, nowhere

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
        os.dup2(self._nowhere.fileno(), self._stream.fileno())


@contextmanager
def lossy_stdout() -> Iterator[None]:
    """Nothing that is printed in here raises."""
    before = sys.stdout
    with open(os.devnull, "w") as nowhere:  # has descriptor 1 where standard output was closed before we began
        stream: Any = nowhere if before is None else before
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")  # the name of a directory need not be Unicode
        sys.stdout = lossy = _Lossy(stream, nowhere)
        try:
            yield
        finally:
            lossy.flush()
            sys.stdout = before
