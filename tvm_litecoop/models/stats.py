"""What each member has cost and brought. Owns the counters; hits are booked from measurements alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tvm_litecoop.models.base import Usage


@dataclass
class MemberStats:
    """Counters of one member.

    Attributes:
        calls: Times it was asked.
        proposals: Alternatives it gave, usable or not.
        rejections: Proposals that could not be used, by reason.
        trials: Its programs that were measured.
        hits: Of those, the ones faster than the program they were made from.
        records: Of those, the ones that were the best of the task so far.
        escalations: Calls it was given because smaller members kept failing.
    """

    calls: int = 0
    proposals: int = 0
    rejections: Counter[str] = field(default_factory=Counter)
    trials: int = 0
    hits: int = 0
    records: int = 0
    escalations: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0

    def add_call(self, proposals: int, usage: Usage) -> None:
        """Book one answer."""
        self.calls += 1
        self.proposals += proposals
        self.tokens_in += usage.tokens_in
        self.tokens_out += usage.tokens_out
        self.usd += usage.usd
        self.seconds += usage.seconds

    def as_json(self) -> dict[str, object]:
        """For `--json`: plain numbers, reasons of rejections by name."""
        return {
            "calls": self.calls,
            "proposals": self.proposals,
            "rejections": dict(sorted(self.rejections.items())),
            "trials": self.trials,
            "hits": self.hits,
            "records": self.records,
            "escalations": self.escalations,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "usd": self.usd,
            "seconds": self.seconds,
        }
