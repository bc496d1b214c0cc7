"""Calls of one search that fly in this process, by number."""

from __future__ import annotations

from tvm_litecoop.models.calls import Flight
from tvm_litecoop.models.pool import Pool


class Flights:
    """The calls under way, oldest first."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._flying: dict[int, Flight] = {}

    def __len__(self) -> int:
        return len(self._flying)

    def launch(self, call: int, flight: Flight) -> None:
        """A call is under way."""
        self._flying[call] = flight

    def landed(self, *, wait: bool) -> list[tuple[int, Flight]]:
        """The calls that are done, in the order they were made; each is given once.

        Args:
            wait: Stand still until there is at least one, unless nothing flies.
        """
        if wait:
            self._pool.calls.wait_for_one(list(self._flying.values()))
        done = [(call, flight) for call, flight in self._flying.items() if flight.done]
        for call, _ in done:
            del self._flying[call]
        return done

    def late(self, wait_s: float) -> list[tuple[int, Flight]]:
        """All calls, done or not, after so many seconds at most; none flies any more."""
        flying, self._flying = self._flying, {}
        self._pool.calls.wait_for_all(list(flying.values()), wait_s)
        return list(flying.items())
