"""What this process is waiting for, so that a run that seems stuck says where.

The display shows `now()`; a wait that has become long is logged, and again whenever it has doubled.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""Seconds after which a wait is worth a line."""


@dataclass(eq=False)
class _Wait:
    what: Callable[[], str]
    since: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self, patience_s: float) -> None:
        """Say so when it takes long, unless it waits for another wait, which then does."""
        while not self.over.wait(patience_s):
            seconds = time.monotonic() - self.since
            if _waits[-1:] == [self]:
                logger.warning("still %s after %.0f s", self.what(), seconds)
            patience_s = seconds


_waits: list[_Wait] = []
"""Innermost last."""


@contextmanager
def waiting(what: str | Callable[[], str], patience_s: float | None = None) -> Iterator[None]:
    """Within it this process waits.

    Args:
        what: For what, as in "building 8 programs"; asked anew each time where it is a function.
        patience_s: Seconds until that is logged; `PATIENCE_S` where it is left out.
    """
    wait = _Wait(what if callable(what) else lambda: what)
    _waits.append(wait)
    patience_s = PATIENCE_S if patience_s is None else patience_s
    threading.Thread(target=wait.watch, args=(patience_s,), name="litecoop-waiting", daemon=True).start()
    try:
        yield
    finally:
        wait.over.set()
        _waits.remove(wait)


def now() -> str:
    """What is waited for now; empty for nothing."""
    innermost = _waits[-1:]
    return innermost[0].what() if innermost else ""
