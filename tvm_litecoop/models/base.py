"""The seam between the search and whatever proposes: a member of the pool. Owns the protocol, no implementation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tvm_litecoop.values import Mutate, Proposal, Rejection, Resample, SetDecision, SetSketch, Why
from tvm_litecoop.view import View


@dataclass(frozen=True)
class Usage:
    """What one call cost.

    Attributes:
        tokens_in: Tokens read, as the server counts them.
        tokens_out: Tokens written, thoughts that are billed included.
        usd: US dollars.
        seconds: Seconds of model time.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0

    def at_least(self, other: Usage) -> Usage:
        """The larger of both in each respect."""
        return Usage(
            max(self.tokens_in, other.tokens_in),
            max(self.tokens_out, other.tokens_out),
            max(self.usd, other.usd),
            max(self.seconds, other.seconds),
        )


TIMEOUT = "timeout"
"""The kind of fault where no answer came in time: whoever bills by the token may bill it all the same."""
NOT_SENT = "not sent"
"""The kind of fault of a call that was given up before it was made: it took no model's time and is no call."""


@dataclass(frozen=True)
class Fault:
    """Why a member gave no answer at all, which is the fault of a server, a key or a machine, not of its words.

    Attributes:
        kind: A word or two for the statistics: `rate limit`, `connection`, `wrong key`.
        detail: One line for the log; holds no key.
        lasting: True where asking again in this run is pointless.
        retry_after_s: Seconds the server asked to be left alone; 0 where it did not say.
        of_server: True where every model at the same endpoint would fare the same.
        of_node: True where it says something of the program that was shown, and nothing of the member.
    """

    kind: str
    detail: str = ""
    lasting: bool = False
    retry_after_s: float = 0.0
    of_server: bool = False
    of_node: bool = False


@dataclass(frozen=True)
class Answer:
    """What a member says to one view.

    Attributes:
        proposals: At most as many as were asked for; a rejection stands where its words could not be read.
        usage: What the call cost.
        fault: Why there is no answer; None where there is one.
        cached: Whether it was known already, and cost nothing.
    """

    proposals: tuple[Proposal | Rejection, ...]
    usage: Usage = Usage()
    fault: Fault | None = None
    cached: bool = False


def well_formed(answer: object) -> Answer:
    """An answer that is one.

    Raises:
        TypeError, ValueError: What is wrong with it, as may be with those of another package's member.
    """
    if not isinstance(answer, Answer) or not isinstance(answer.proposals, tuple):
        raise TypeError(f"its answer is no Answer with a tuple of proposals but {answer!r:.60}")
    usage, fault = answer.usage, answer.fault
    if not isinstance(usage, Usage) or not isinstance(fault, Fault | None) or type(answer.cached) is not bool:
        raise TypeError("usage, fault and cached of its answer must be a Usage, a Fault or None, True or False")
    if not all(type(cost) in (int, float) and math.isfinite(cost) and cost >= 0 for cost in vars(usage).values()):
        raise ValueError(f"its answer cost {usage!r}")
    if not type(usage.tokens_in) is type(usage.tokens_out) is int:
        raise TypeError(f"its answer cost tokens that are no whole number: {usage!r}")
    if fault and not (isinstance(fault.kind, str) and type(fault.retry_after_s) in (int, float)):
        raise TypeError(f"its fault has no kind, or no seconds: {fault!r:.60}")
    for one in answer.proposals:
        if not _is_proposal(one):
            raise TypeError(f"it proposes {one!r:.60}, which has another type, or parts of another type")
    return answer


def _is_proposal(one: object) -> bool:
    if isinstance(one, Rejection):
        return isinstance(one.why, Why) and isinstance(one.detail, str)
    if not isinstance(one, Proposal) or not (isinstance(one.next_member, str) and isinstance(one.reason, str)):
        return False
    return all(map(_is_edit, one.edits))


def _is_edit(edit: object) -> bool:
    """Whether an edit can be written down and tried: numpy's numbers cannot, nor seeds that TVM does not have."""
    match edit:
        case SetDecision(site, value):
            parts = value if isinstance(value, tuple) else (value,)
            return isinstance(site, str) and all(type(part) is int for part in parts)
        case SetSketch(sketch):
            return type(sketch) is int
        case Mutate(mutator, seed):
            return isinstance(mutator, str) and type(seed) is int
        case Resample(sketch, seed):
            return type(sketch) is type(seed) is int and 0 < seed < 2**31
    return False


Call: TypeAlias = Callable[[], Answer]
"""A question that was put together and waits to be asked. It may run on any thread, and never raises."""


@dataclass(frozen=True)
class Profile:
    """What is known of a member before it has said anything.

    Attributes:
        name: Unique in the pool.
        params: Parameter count, for φ of LA-UCT; 1 for a member that is no model.
        usd_per_mtok: US dollars for a million tokens read, and for a million written.
        free: Whether a call costs neither money nor noticeable time.
        background: Whether a call may run beside a measurement: not where it computes on the cores that are timed.
        slow_s: Seconds to expect of the first call, for a member that is neither free nor in the background.
        endpoint: Where it is served, for members that fail together; empty where it is alone.
        doubt: Misses that it is expected to begin with, for the draw of who acts; 1 where nothing is known of it.
    """

    name: str
    params: float = 1.0
    usd_per_mtok: tuple[float, float] = (0.0, 0.0)
    free: bool = False
    background: bool = False
    slow_s: float = 0.0
    endpoint: str = ""
    doubt: float = 1.0


class Member(Protocol):
    """One model of the pool."""

    @property
    def profile(self) -> Profile:
        """What is known of it."""
        ...

    def ask(self, view: View, k: int, seed: int) -> Call:
        """Put the question for up to `k` alternatives to the program of a node.

        The view is read now; the call it returns may run later and elsewhere. Whatever a model may say, the call
        answers with a value. Same view and seed, same question.

        Args:
            view: The state to act on.
            k: Alternatives at most.
            seed: Makes the randomness of the question, and of the answer where the member is free.
        """
        ...
