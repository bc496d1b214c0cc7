"""Calls in flight: which run beside the measurement, how long each took, and how much of that was hidden."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tvm_litecoop.models.base import Answer, Call, Usage

MEASUREMENTS = 256
"""Newest measurements whose times are kept."""


@dataclass
class Flight:
    """One call under way.

    Attributes:
        member: Who was asked.
        estimate: What it was expected to cost when it was made.
        future: The answer to come.
        span: When it ran: start and end, from `time.perf_counter()`; written by its own thread.
        blocked_s: Seconds the search stood still for it.
    """

    member: str
    estimate: Usage
    future: Future[Answer]
    span: list[float] = field(default_factory=list)
    blocked_s: float = 0.0

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self.future.done()

    def answer(self) -> Answer:
        """The answer of a call that is done."""
        return self.future.result()


class Calls:
    """Runs calls at once or on threads, and knows when the hardware was measuring.

    Args:
        threads: Calls in the background at a time.
    """

    def __init__(self, threads: int = 16) -> None:
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None
        self._measured: deque[tuple[float, float]] = deque(maxlen=MEASUREMENTS)
        self._measuring_since: float | None = None
        self.hidden_s = 0.0
        self.background_s = 0.0

    def start(self, member: str, call: Call, estimate: Usage, *, background: bool) -> Flight:
        """Make a call: on a thread where it may run beside a measurement, else here and now."""
        span: list[float] = []

        def timed() -> Answer:
            span.append(time.perf_counter())
            try:
                return call()
            finally:
                span.append(time.perf_counter())

        if background:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._threads, "litecoop-call")
            return Flight(member, estimate, self._executor.submit(timed), span)
        future: Future[Answer] = Future()
        flight = Flight(member, estimate, future, span)
        future.set_result(timed())
        flight.blocked_s = span[1] - span[0]
        return flight

    def wait_for_one(self, flights: Sequence[Flight]) -> None:
        """Stand still until one of the calls is done; the time is booked on all that fly, so a long one pays more."""
        start = time.perf_counter()
        wait([flight.future for flight in flights], return_when=FIRST_COMPLETED)
        for flight in flights:
            flight.blocked_s += (time.perf_counter() - start) / len(flights)

    def wait_for_all(self, flights: Sequence[Flight], timeout_s: float) -> None:
        """Stand still until all calls are done, or for so long."""
        wait([flight.future for flight in flights], timeout_s)

    def landed(self, flight: Flight) -> None:
        """Book how much of a background call was hidden behind measurements."""
        start, end = flight.span
        self.background_s += end - start
        self.hidden_s += sum(max(0.0, min(end, b) - max(start, a)) for a, b in self._measured)

    def measuring(self, now_measuring: bool) -> None:
        """The hardware begins, or has ended, measuring a batch."""
        now = time.perf_counter()
        if self._measuring_since is not None:
            self._measured.append((self._measuring_since, now))
        self._measuring_since = now if now_measuring else None

    def close(self) -> None:
        """Drop the calls that have not begun; those that run end by themselves."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
