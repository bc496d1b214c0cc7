"""What was found: a verdict on each record that was tried, and what follows for the task."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from tvm_litecoop.certify.records import Record, Task
from tvm_litecoop.intervals import Interval

CERTIFIED, RIGHT = "certified", "right"
WRONG, CRASHED, HUNG = "wrong", "crashed", "hung"
UNUSABLE, LUCKY, SLOW = "unusable", "lucky", "slow"
HARMFUL = (WRONG, CRASHED, HUNG)
"""Verdicts on kernels that nobody should run."""


@dataclass(frozen=True)
class Verdict:
    """On one record.

    Attributes:
        record: Which.
        status: `certified`, or `right` for one that was not needed; else why it is rejected: `wrong`, `crashed`,
            `hung`, `unusable` (does not replay or build), `lucky` (far from its recorded time), `slow` (not faster
            than the default).
        reason: The same for a person.
        worst: Largest deviation by kind of inputs, in units of the tolerance.
        seconds: Measured now, seconds per run; None where it was not timed.
        ratio: Its time over the default's, timed in turns.
    """

    record: Record
    status: str
    reason: str = ""
    worst: tuple[tuple[str, float], ...] = ()
    seconds: float | None = None
    ratio: Interval | None = None

    @property
    def rejected(self) -> bool:
        """Whether it must not be used."""
        return self.status not in (CERTIFIED, RIGHT)

    def as_json(self) -> dict[str, Any]:
        """Plain values, milliseconds; deviations that are infinite are `"inf"`; no line of what was set aside."""
        return {
            "line": self.record.line or None,
            "digest": self.record.digest,
            "status": self.status,
            "reason": self.reason,
            "recorded_ms": self.record.seconds * 1e3,
            "measured_ms": self.seconds * 1e3 if self.seconds else None,
            "ratio": [self.ratio.mean, self.ratio.low, self.ratio.high] if self.ratio else None,
            "worst": {kind: off if math.isfinite(off) else "inf" for kind, off in self.worst},
        }


@dataclass(frozen=True)
class TaskCertificate:
    """What was found of one task.

    Attributes:
        task: Which.
        verdicts: On the records that were tried, fastest recorded first but for challengers of a rematch, which stand
            before the record that they challenged.
        default_s: Seconds per run of the untuned program.
        unchecked: Why nothing was checked; empty where it was.
    """

    task: Task
    verdicts: tuple[Verdict, ...] = ()
    default_s: float = 0.0
    unchecked: str = ""

    @property
    def winner(self) -> Verdict | None:
        """The certified one; None for the untuned program."""
        return next((verdict for verdict in self.verdicts if verdict.status == CERTIFIED), None)

    @property
    def winner_line(self) -> int | None:
        """Its line in the database."""
        return self.winner.record.line if self.winner else None

    @property
    def rejected(self) -> tuple[Verdict, ...]:
        """Those that must not be used."""
        return tuple(verdict for verdict in self.verdicts if verdict.rejected)

    @property
    def harmful(self) -> bool:
        """Whether a kernel was wrong, crashed or hung."""
        return any(verdict.status in HARMFUL for verdict in self.verdicts)

    @property
    def seconds(self) -> float:
        """Of the kernel that is to be used."""
        return (self.winner.seconds if self.winner else None) or self.default_s

    @property
    def worst(self) -> float | None:
        """Largest deviation of those that are wrong; else of the certified kernel, or the one tried first.

        In units of the tolerance; None where nothing was compared.
        """
        harmful = [verdict for verdict in self.verdicts if verdict.status in HARMFUL and verdict.worst]
        meant = harmful or ([self.winner] if self.winner else self.verdicts[:1])
        return max((off for verdict in meant for _, off in verdict.worst), default=None)

    @property
    def speedup(self) -> tuple[float, float, float] | None:
        """The default's time over the winner's, with its interval; None where the default is certified."""
        ratio = self.winner.ratio if self.winner else None
        return (1 / ratio.mean, 1 / ratio.high, 1 / ratio.low) if ratio else None

    def as_json(self) -> dict[str, Any]:
        """Plain values; `certified` is the winner's line, null for the untuned program."""
        return {
            "task": self.task.number,
            "arguments": [list(argument) for argument in self.task.arguments],
            "workload": self.task.hash,
            "target": json.loads(self.task.target),
            "records": len(self.task.records),
            "unchecked": self.unchecked,
            "certified": self.winner_line,
            "digest": self.winner.record.digest if self.winner else None,
            "default_ms": self.default_s * 1e3,
            "verdicts": [verdict.as_json() for verdict in self.verdicts],
        }

    def as_note(self) -> dict[str, Any]:
        """What the journal keeps of it: records by their digests."""
        return {
            "certified": self.winner.record.digest if self.winner else None,
            "speedup": self.speedup,
            "rejected": {verdict.record.digest: verdict.status for verdict in self.rejected},
        }
