"""Calls in flight: which run beside the measurement, how long each took, and how much of that was hidden."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass, field

from tvm_litecoop.models.base import Answer, Call, Fault, Member, well_formed
from tvm_litecoop.view import View
from tvm_litecoop.waiting import waiting

MEASUREMENTS = 256
"""Newest measurements whose times are kept."""


@dataclass
class Flight:
    """One call under way.

    Attributes:
        member: Who was asked.
        future: The answer to come.
        span: When it ran: start and end, from `time.perf_counter()`; written by its own thread.
        blocked_s: Seconds the search stood still for it.
    """

    member: str
    future: Future[Answer] = field(default_factory=Future)
    span: list[float] = field(default_factory=list)
    blocked_s: float = 0.0

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self.future.done()

    def answer(self) -> Answer:
        """The answer of a call that is done."""
        return self.future.result()


@dataclass
class Stopwatch:
    """Seconds for which the hardware measured the programs of one search."""

    seconds: float = 0.0

    def reset(self) -> float:
        """What it shows; it starts anew."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


class Calls:
    """Makes calls at once or on threads of their own, and knows when the hardware was measuring.

    The threads are daemons: a server that never answers must not hold up the end of the process.
    """

    def __init__(self) -> None:
        self._measured: deque[tuple[float, float]] = deque(maxlen=MEASUREMENTS)
        self._measuring: tuple[float, Stopwatch] | None = None  # since when, and whose
        self._acting: dict[int, str] = {}

    @property
    def acting(self) -> Counter[str]:
        """Calls under way, by member; may be asked from any thread."""
        return Counter(list(self._acting.values()))

    def start(self, flight: Flight, call: Call, *, background: bool, free: bool = False) -> None:
        """Make a call: on a thread where it may run beside a measurement, else here and now (at once, if `free`)."""
        if background:
            # On a thread of its own nobody would hear of anything that is raised, and the answer be waited for.
            given = (flight, call, BaseException)
            threading.Thread(target=self._fly, args=given, name="litecoop-call", daemon=True).start()
        else:
            with nullcontext() if free else waiting(f"waiting for {flight.member}"):
                self._fly(flight, call)
            flight.blocked_s = flight.span[1] - flight.span[0]

    def wait_for_one(self, flights: Sequence[Flight]) -> None:
        """Stand still until one of the calls is done; the time is booked on all that fly, so a long one pays more."""
        _stand_still(flights, None, FIRST_COMPLETED)

    def wait_for_all(self, flights: Sequence[Flight], timeout_s: float) -> None:
        """Stand still until all calls are done, or for so long; booked as `wait_for_one` does."""
        _stand_still(flights, timeout_s, ALL_COMPLETED)

    def hidden_behind(self, flight: Flight, model_s: float) -> float:
        """Seconds of a background call that were hidden behind measurements.

        Args:
            flight: The call.
            model_s: Seconds the model took; the flight may have been longer, waiting for its turn at a server.
        """
        start, end = flight.span
        measured = [*self._measured, *([(self._measuring[0], end)] if self._measuring is not None else [])]
        hidden = sum(max(0.0, min(end, b) - max(start, a)) for a, b in measured)
        return hidden * min(1.0, model_s / (end - start)) if end > start else 0.0

    def measuring(self, watch: Stopwatch | None) -> None:
        """The hardware begins measuring for a search, whose watch runs until the next call; None: it has ended.

        TVM's task scheduler may ask every task for a batch, build and time it, and tell results only then: what ends a
        measurement is whatever a search hears of next, its own or another's.
        """
        now = time.perf_counter()
        if self._measuring is not None:
            since, running = self._measuring
            self._measured.append((since, now))
            running.seconds += now - since
        self._measuring = (now, watch) if watch is not None else None

    def _fly(self, flight: Flight, call: Call, caught: type[BaseException] = Exception) -> None:
        """Make the call; a member that breaks its word and raises is a fault like any other."""
        self._acting[id(flight)] = flight.member
        flight.span.append(time.perf_counter())
        try:
            answer = well_formed(call())
        except caught as error:  # the edge to members of other packages
            answer = raised(error)
        flight.span.append(time.perf_counter())
        self._acting.pop(id(flight))
        flight.future.set_result(answer)


def asked(member: Member, view: View, k: int, seed: int) -> Answer:
    """The answer of a member that is asked here and now; what it raises is a fault."""
    try:
        return well_formed(member.ask(view, k, seed)())
    except Exception as error:  # as in `_fly`
        return raised(error)


def raised(error: BaseException) -> Answer:
    """What stands for the answer of a member that raised."""
    return Answer((), fault=Fault("raised", f"{type(error).__name__}: {error}"[:200]))


def _stand_still(flights: Sequence[Flight], timeout_s: float | None, until: str) -> None:
    start = time.perf_counter()
    if not all(flight.done for flight in flights):
        with waiting(lambda: "waiting for " + _names(flights)):
            wait([flight.future for flight in flights], timeout_s, until)
    each_s = (time.perf_counter() - start) / max(1, len(flights))
    for flight in flights:
        flight.blocked_s += each_s


def _names(flights: Sequence[Flight]) -> str:
    return ", ".join(dict.fromkeys(flight.member for flight in flights if not flight.done))
