"""What each member has cost and brought. Owns the counters; hits are booked from measurements alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tvm_litecoop.models.base import NOT_SENT, Answer

UNKNOWN_MEMBER = "unknown member"
"""Among the rejections: a named next member that the pool does not have."""


@dataclass
class MemberStats:
    """Counters of one member.

    Attributes:
        calls: Times it was asked.
        answers: Calls that were answered, well or badly, and not from the cache.
        billed: Those, and the calls without an answer whose tokens were counted all the same.
        cached: Calls whose answer was known already, and free.
        faults: Calls without an answer, by what went wrong.
        proposals: Alternatives it gave, usable or not.
        rejections: Proposals that could not be used, by reason.
        trials: Its programs that were measured.
        hits: Of those, the ones faster than the program they were made from (than the best, where that has no time).
        records: Of those, the ones that were the best of the task so far.
        escalations: Calls it was given because smaller members kept failing.
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        usd: US dollars.
        assumed_usd: Those that calls without an answer in time may have cost besides: as many as others of the member.
        seconds: Model time.
        answered_s: That of its answers alone.
        blocked_s: Seconds of it in which the search stood still.
    """

    calls: int = 0
    answers: int = 0
    billed: int = 0
    cached: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    proposals: int = 0
    rejections: Counter[str] = field(default_factory=Counter)
    trials: int = 0
    hits: int = 0
    records: int = 0
    escalations: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    assumed_usd: float = 0.0
    seconds: float = 0.0
    answered_s: float = 0.0
    blocked_s: float = 0.0

    @property
    def refused(self) -> int:
        """Proposals that could not be used; an unknown next member alone spoils none."""
        return sum(count for why, count in self.rejections.items() if why != UNKNOWN_MEMBER)

    @property
    def answer_s(self) -> float:
        """Model time of an answer, on average; 0 before the first."""
        return self.answered_s / self.answers if self.answers else 0.0

    def add_answer(self, answer: Answer, blocked_s: float) -> None:
        """Book one answer, or what came instead of it; a call that was never sent is no call."""
        self.calls -= answer.fault is not None and answer.fault.kind == NOT_SENT
        self.proposals += len(answer.proposals)
        self.cached += answer.cached
        if answer.fault is None and not answer.cached:
            self.answers += 1
            self.answered_s += answer.usage.seconds
        if not answer.cached and (answer.fault is None or answer.usage.tokens_in or answer.usage.tokens_out):
            self.billed += 1
        if answer.fault is not None:
            self.faults[answer.fault.kind] += 1
        self.tokens_in += answer.usage.tokens_in
        self.tokens_out += answer.usage.tokens_out
        self.usd += answer.usage.usd
        self.seconds += answer.usage.seconds
        self.blocked_s += blocked_s

    def as_json(self) -> dict[str, object]:
        """For `--json`: plain numbers, reasons of rejections by name."""
        return {
            "calls": self.calls,
            "cached": self.cached,
            "faults": dict(sorted(self.faults.items())),
            "proposals": self.proposals,
            "rejections": dict(sorted(self.rejections.items())),
            "refused": self.refused,
            "trials": self.trials,
            "hits": self.hits,
            "records": self.records,
            "escalations": self.escalations,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "usd": self.usd,
            "assumed_usd": self.assumed_usd,
            "seconds": self.seconds,
            "blocked_s": self.blocked_s,
        }
