"""What a member brought more than the free members: the difference of their hit rates, with its interval.

The interval is Newcombe's (Statistics in Medicine 17, 1998, method 10): the square-and-add of two Wilson intervals,
which holds for small counts too. Members act on nodes that the search gave them, not on random ones, so it says what
happened in this run and not what a member is worth elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tvm_litecoop.models.stats import MemberStats

FEWEST = 8
"""Measured programs on either side below which nothing is claimed."""
Z = 1.96


class Lift(NamedTuple):
    """A difference of hit rates and its 95 % interval, as shares of 1."""

    mean: float
    low: float
    high: float


def lift(member: MemberStats, free: Sequence[MemberStats]) -> Lift | None:
    """The hit rate of a member less that of the free members together; None where either has too few trials."""
    hits, trials = sum(one.hits for one in free), sum(one.trials for one in free)
    if min(member.trials, trials) < FEWEST:
        return None
    here, there = member.hits / member.trials, hits / trials
    (low, high), (free_low, free_high) = _wilson(here, member.trials), _wilson(there, trials)
    below, above = math.hypot(here - low, free_high - there), math.hypot(high - here, there - free_low)
    return Lift(here - there, here - there - below, here - there + above)


def _wilson(rate: float, trials: int) -> tuple[float, float]:
    """The 95 % interval of a rate."""
    middle = rate + Z * Z / (2 * trials)
    spread = Z * math.sqrt(rate * (1 - rate) / trials + Z * Z / (4 * trials * trials))
    scale = 1 + Z * Z / trials
    return (middle - spread) / scale, (middle + spread) / scale
