"""What came of a run, and its JSON (`litecoop tune --json`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class RunOutcome:
    """What the runs of kernels and of whole models have in common.

    Attributes:
        workload: The spec as given.
        target: The target as TVM prints it.
        strategy: Which search.
        seed: Its seed.
        directory: Where the database and the logs are.
        trials: Candidates measured in this run, failed ones included.
        carried: Of those, the ones of an unfinished process before this one; `failed`, `curve` and `seconds` leave them
            out.
        failed: Candidates that did not build or run.
        first_failure: What the first of them failed of; empty where none did.
        known: Records that earlier runs had left there.
        curve: (trial, seconds since the start, best seconds so far, of all kernels together), at every best and at the
            end of every batch, with the seconds when its batch was done.
        seconds: Wall-clock seconds: `total`, `build`, `run`, `search`, `model` (the search stood still for a model);
            and model seconds `hidden` behind measurements.
        members: What each member of the pool cost and brought.
        escalations: Steps handed to the largest member.
        correct: Whether the result is right; None where nobody has looked.
        worst_error: Largest deviation, in units of the tolerance; above 1 is wrong.
        interrupted: True where the run was stopped by hand.
    """

    workload: str
    target: str
    strategy: str
    seed: int
    directory: str = ""
    trials: int = 0
    carried: int = 0
    failed: int = 0
    first_failure: str = ""
    known: int = 0
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    members: dict[str, dict[str, object]] = field(default_factory=dict)
    escalations: int = 0
    correct: bool | None = None
    worst_error: float | None = None
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Milliseconds and plain values, keys as documented in docs/outcome.md."""
        return {
            "workload": self.workload,
            "target": self.target,
            "strategy": self.strategy,
            "seed": self.seed,
            "directory": self.directory,
            "trials": self.trials,
            "carried": self.carried,
            "failed": self.failed,
            "first_failure": self.first_failure,
            "known": self.known,
            "curve": [[trial, seconds, best_s * 1e3] for trial, seconds, best_s in self.curve],
            "seconds": self.seconds,
            "members": self.members,
            "escalations": self.escalations,
            "correct": self.correct,
            "worst_error": self.worst_error if math.isfinite(self.worst_error or 0.0) else None,
            "interrupted": self.interrupted,
        }


@dataclass
class Outcome(RunOutcome):
    """The result of one strategy on one workload; it is `correct` where every kernel that was tried is right.

    Attributes:
        flops: Arithmetic operations of one run of the kernel.
        best_s: Best measured seconds per run of the kernel, earlier runs in the same directory included; None where
            every candidate failed.
        final_s: The certified kernel, which is the untuned program where no record was right and faster, timed again at
            the end, beside the others; None until then.
        best_author: Member that proposed the best program, `database` for one of an earlier run; empty for TVM's own
            strategies.
        unchecked: Why it was not checked.
        speedup: The untuned program's time over the certified record's, with its 95 % interval; None where the untuned
            program is certified.
        certificate: What the final check found, as in `certificate.json`.
    """

    flops: int = 0
    best_s: float | None = None
    final_s: float | None = None
    best_author: str = ""
    unchecked: str = ""
    speedup: tuple[float, float, float] | None = None
    certificate: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds_per_run(self) -> float | None:
        """The figure to compare: timed again at the end where that was done."""
        return self.final_s or self.best_s

    @property
    def gflops(self) -> float | None:
        """Arithmetic rate of the best kernel, in 10^9 operations per second."""
        return self.flops / self.seconds_per_run / 1e9 if self.seconds_per_run else None

    def as_json(self) -> dict[str, Any]:
        """As of every run, and the figures of the kernel."""
        return {
            **super().as_json(),
            "best_ms": _ms(self.best_s),
            "final_ms": _ms(self.final_s),
            "best_gflops": self.flops / self.best_s / 1e9 if self.best_s else None,
            "best_author": self.best_author,
            "speedup": self.speedup,
            "certified": self.certificate.get("certified"),
        }


def _ms(seconds: float | None) -> float | None:
    return seconds * 1e3 if seconds is not None else None
