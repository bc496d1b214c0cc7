"""What came of a run, and its JSON (`litecoop tune --json`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outcome:
    """The result of one strategy on one workload.

    Attributes:
        workload: The spec as given.
        target: The target as TVM prints it.
        strategy: Which search.
        seed: Its seed.
        flops: Arithmetic operations of one run of the kernel.
        trials: Candidates measured in this run, failed ones included.
        failed: Of those, the ones that did not build or run.
        first_failure: What the first of them failed of; empty where none did.
        directory: Where the database and the logs are.
        known: Records that earlier runs had left there.
        best_s: Best measured seconds per run of the kernel, earlier runs in the same directory included; None where
            every candidate failed.
        final_s: The certified kernel, which is the untuned program where no record was right and faster, timed again at
            the end, beside the others; None until then.
        curve: (trial, seconds since the start, best seconds so far), one per batch.
        seconds: Wall-clock seconds: `total`, `build`, `run`, `search`, `model` (the search stood still for a model);
            and model seconds `hidden` behind measurements.
        members: What each member of the pool cost and brought.
        best_author: Member that proposed the best program, `database` for one of an earlier run; empty for TVM's own
            strategies.
        escalations: Steps handed to the largest member.
        correct: Whether every kernel that was tried computes what the untuned program does; None until then.
        unchecked: Why it was not checked.
        worst_error: Largest deviation, in units of the tolerance; above 1 is wrong.
        speedup: The untuned program's time over the certified record's, with its 95 % interval; None where the untuned
            program is certified.
        certificate: What the final check found, as in `certificate.json`.
        interrupted: True where the run was stopped by hand.
    """

    workload: str
    target: str
    strategy: str
    seed: int
    flops: int
    directory: str = ""
    trials: int = 0
    failed: int = 0
    first_failure: str = ""
    known: int = 0
    best_s: float | None = None
    final_s: float | None = None
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    members: dict[str, dict[str, object]] = field(default_factory=dict)
    best_author: str = ""
    escalations: int = 0
    correct: bool | None = None
    unchecked: str = ""
    worst_error: float | None = None
    speedup: tuple[float, float, float] | None = None
    certificate: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def seconds_per_run(self) -> float | None:
        """The figure to compare: timed again at the end where that was done."""
        return self.final_s or self.best_s

    @property
    def gflops(self) -> float | None:
        """Arithmetic rate of the best kernel, in 10^9 operations per second."""
        return self.flops / self.seconds_per_run / 1e9 if self.seconds_per_run else None

    def as_json(self) -> dict[str, Any]:
        """Milliseconds and plain values, keys as documented in docs/outcome.md."""
        return {
            "workload": self.workload,
            "target": self.target,
            "strategy": self.strategy,
            "seed": self.seed,
            "directory": self.directory,
            "trials": self.trials,
            "failed": self.failed,
            "first_failure": self.first_failure,
            "known": self.known,
            "best_ms": _ms(self.best_s),
            "final_ms": _ms(self.final_s),
            "best_gflops": self.flops / self.best_s / 1e9 if self.best_s else None,
            "best_author": self.best_author,
            "curve": [[trial, seconds, best * 1e3] for trial, seconds, best in self.curve],
            "seconds": self.seconds,
            "members": self.members,
            "escalations": self.escalations,
            "correct": self.correct,
            "worst_error": self.worst_error if math.isfinite(self.worst_error or 0.0) else None,
            "speedup": self.speedup,
            "certified": self.certificate.get("certified"),
            "interrupted": self.interrupted,
        }


def _ms(seconds: float | None) -> float | None:
    return seconds * 1e3 if seconds is not None else None
