"""The fastest kernel known for each set of arguments: what a candidate is compared with as it is timed."""

from __future__ import annotations

from tvm_litecoop.measure.timing import Timing

DOUBT_AFTER = 8
"""Hopeless candidates in a row after which the best known is doubted."""


class KnownBest:
    """Best seconds per key, and how many candidates in a row were hopeless against it.

    A runner is not told which task a candidate belongs to, only its arguments. Two tasks can share these, and
    then the slower task's candidates all look hopeless. So after a long unbroken row of them the best known
    is forgotten.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._hopeless: dict[str, int] = {}

    def seconds(self, key: str) -> float | None:
        """Seconds per call of the best known, or None."""
        return self._seconds.get(key)

    def note(self, key: str, timing: Timing) -> None:
        """Take a measurement into account."""
        if timing.gave_up:
            self._hopeless[key] = self._hopeless.get(key, 0) + 1
            return
        self._hopeless[key] = 0
        self._seconds[key] = min(timing.seconds, self._seconds.get(key, timing.seconds))

    def doubtful(self, key: str) -> bool:
        """Whether so many candidates in a row were hopeless that the best may be another kernel's."""
        return self._hopeless.get(key, 0) >= DOUBT_AFTER

    def forget(self, key: str) -> None:
        """Start over for this key."""
        self._seconds.pop(key, None)
        self._hopeless.pop(key, None)
