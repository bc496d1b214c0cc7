"""What came of the run of a whole model, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tvm_litecoop.intervals import Interval
from tvm_litecoop.tuning.outcome import RunOutcome


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
class ModelOutcome(RunOutcome):
    """The result of one search on one model; it is `correct` where the outputs are.

    Attributes:
        tasks: The kernels, those left out last.
        untuned_s: Median, low and high seconds of one run of the model as TVM compiles it by default.
        final_s: The same of the model with certified kernels, timed in turns.
        rounds_s: Seconds of one run in each round of that timing; round by round those of all searches belong together.
        speedup: Untuned over tuned.
        checked_by: Who said what is right.
        allowed: How far outputs may be off, in words.
        harmful: Records that were wrong, crashed or hung; they are not in the model.
    """

    tasks: list[TaskOutcome] = field(default_factory=list)
    untuned_s: tuple[float, float, float] | None = None
    final_s: tuple[float, float, float] | None = None
    rounds_s: list[float] = field(default_factory=list)
    speedup: Interval | None = None
    checked_by: str = ""
    allowed: str = ""
    harmful: int = 0

    def as_json(self) -> dict[str, Any]:
        """As of every run, and the figures of the model and its kernels."""
        return {
            **super().as_json(),
            "untuned_ms": _ms(self.untuned_s),
            "final_ms": _ms(self.final_s),
            "rounds_ms": [seconds * 1e3 for seconds in self.rounds_s],
            "speedup": [self.speedup.mean, self.speedup.low, self.speedup.high] if self.speedup else None,
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
        }


def _ms(seconds: tuple[float, float, float] | None) -> list[float] | None:
    return [one * 1e3 for one in seconds] if seconds is not None else None
