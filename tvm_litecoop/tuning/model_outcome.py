"""What came of the run of a whole model, and its JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tvm_litecoop.intervals import Interval


@dataclass
class TaskOutcome:
    """One kernel of a model.

    Attributes:
        name: TVM's name of it.
        weight: How often the model calls it.
        trials: Candidates measured now.
        untuned_s: Seconds untuned.
        best_s: Fastest as measured while tuning.
        left_out: Why it was not tuned; empty where it was.
        certified: What the certificate says of it: how many times as fast as untuned, or why it stays untuned.
    """

    name: str
    weight: int
    trials: int
    untuned_s: float | None
    best_s: float | None
    left_out: str = ""
    certified: str = ""


@dataclass
class ModelOutcome:
    """The result of one search on one model.

    Attributes:
        workload: The model as given.
        target: As TVM prints it.
        strategy: Which search.
        seed: Its seed.
        directory: Database and logs.
        trials: Candidates measured, failed ones included.
        failed: Of those, the ones that did not build or run.
        first_failure: What the first of them failed of.
        known: Records that earlier runs had left there.
        tasks: The kernels, those left out last.
        curve: (trial, seconds, seconds of all tuned kernels), one per batch.
        seconds: Wall-clock seconds of the search, as for one kernel.
        members: What each member of the pool cost and brought.
        escalations: Steps handed to the largest member.
        untuned_s: Median, low and high seconds of one run of the model as TVM compiles it by default.
        final_s: The same of the model with certified kernels, timed in turns.
        rounds_s: Seconds of one run in each round of that timing; round by round those of all searches belong together.
        speedup: Untuned over tuned.
        correct: Whether its outputs are right; None where nothing was compiled.
        worst_error: Largest deviation in units of what is allowed.
        checked_by: Who said what is right.
        allowed: How far outputs may be off, in words.
        harmful: Records that were wrong, crashed or hung; they are not in the model.
        interrupted: True where the run was stopped by hand.
    """

    workload: str
    target: str
    strategy: str
    seed: int
    directory: str
    trials: int = 0
    failed: int = 0
    first_failure: str = ""
    known: int = 0
    tasks: list[TaskOutcome] = field(default_factory=list)
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    members: dict[str, dict[str, object]] = field(default_factory=dict)
    escalations: int = 0
    untuned_s: tuple[float, float, float] | None = None
    final_s: tuple[float, float, float] | None = None
    rounds_s: list[float] = field(default_factory=list)
    speedup: Interval | None = None
    correct: bool | None = None
    worst_error: float | None = None
    checked_by: str = ""
    allowed: str = ""
    harmful: int = 0
    interrupted: bool = False

    def as_json(self) -> dict[str, object]:
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
            "untuned_ms": _ms(self.untuned_s),
            "final_ms": _ms(self.final_s),
            "rounds_ms": [seconds * 1e3 for seconds in self.rounds_s],
            "speedup": [self.speedup.mean, self.speedup.low, self.speedup.high] if self.speedup else None,
            "correct": self.correct,
            "worst_error": self.worst_error if math.isfinite(self.worst_error or 0.0) else None,
            "checked_by": self.checked_by,
            "allowed": self.allowed,
            "harmful": self.harmful,
            "tasks": [
                {
                    "name": task.name,
                    "weight": task.weight,
                    "trials": task.trials,
                    "untuned_ms": task.untuned_s * 1e3 if task.untuned_s else None,
                    "best_ms": task.best_s * 1e3 if task.best_s else None,
                    "left_out": task.left_out,
                    "certified": task.certified,
                }
                for task in self.tasks
            ],
            "curve": [[trial, seconds, whole_s * 1e3] for trial, seconds, whole_s in self.curve],
            "seconds": self.seconds,
            "members": self.members,
            "escalations": self.escalations,
            "interrupted": self.interrupted,
        }


def _ms(seconds: tuple[float, float, float] | None) -> list[float] | None:
    return [one * 1e3 for one in seconds] if seconds is not None else None
