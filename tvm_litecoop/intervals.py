"""Geometric means of ratios with bootstrap intervals."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

DRAWS = 2000


@dataclass(frozen=True)
class Interval:
    """A geometric mean and its 95 % bootstrap interval; with few values little more than their range."""

    mean: float
    low: float
    high: float

    def __format__(self, form: str) -> str:
        """The form is that of each number, three decimals where none is given."""
        form = form or ".3f"
        if self.low == self.high:
            return f"{self.mean:{form}}"  # one value has no interval
        return f"{self.mean:{form}} [{self.low:{form}}, {self.high:{form}}]"

    def __str__(self) -> str:
        return f"{self}"


def geometric_mean(values: Sequence[float]) -> float:
    """Of positive values."""
    return math.exp(sum(map(math.log, values)) / len(values))


def interval(ratios: Sequence[Sequence[float]], seed: int = 1) -> Interval:
    """The geometric mean over workloads of their geometric means over seeds.

    Seeds are drawn again within each workload (the workloads are the ones asked about, not a sample of all).

    Args:
        ratios: For each workload the ratios of its seeds; for one kernel the ratios of its rounds.
        seed: Of the bootstrap.
    """
    rng = random.Random(seed)

    def overall(groups: Sequence[Sequence[float]]) -> float:
        return geometric_mean([geometric_mean(group) for group in groups])

    drawn = sorted(overall([rng.choices(group, k=len(group)) for group in ratios]) for _ in range(DRAWS))
    return Interval(overall(ratios), drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1])
