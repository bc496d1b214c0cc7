"""Who acts next. Pure functions over what each member has brought and cost."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tvm_litecoop.models.stats import MemberStats


@dataclass(frozen=True)
class Prices:
    """What time and money are worth.

    Attributes:
        trial_s: Seconds one measured program takes; the pool puts in what it has seen, once it has.
        usd_per_hour: US dollars that an hour of tuning may cost, so that a price can be told in seconds.
    """

    trial_s: float = 0.25
    usd_per_hour: float = 10.0


NAMED = 2.0
"""How much more a member counts that the acting model has named. Not without limit: time and money are not the acting
model's, and a bad model would spend them."""


def draw(
    stats: Mapping[str, MemberStats],
    prices: Prices,
    rng: random.Random,
    named: str = "",
    doubts: Mapping[str, float] | None = None,
) -> str:
    """A member, by hits for the time and money of getting and measuring a program.

    One sample is drawn of each member's hit rate (Thompson sampling over Beta(hits + 1, misses + doubt)) and divided by
    the seconds that one of its programs costs. So a member that brings little, or is slow or dear for what it brings,
    is asked less, and one that is hardly known still gets its chance.
    """
    known = doubts or {}

    def worth(name: str) -> float:
        return _worth(stats[name], prices, rng, known.get(name, 1.0)) * (NAMED if name == named else 1.0)

    return max(stats, key=worth)


def starved(stats: Mapping[str, MemberStats], min_share: float) -> list[str]:
    """Members with less than their part of the share of calls that is kept for getting to know them."""
    calls = sum(one.calls for one in stats.values())
    return [name for name, one in stats.items() if one.calls * len(stats) < min_share * calls]


def _worth(stats: MemberStats, prices: Prices, rng: random.Random, doubt: float) -> float:
    misses = stats.trials - stats.hits + stats.refused
    hit_rate = rng.betavariate(stats.hits + 1, misses + doubt)
    usable = max(1, stats.proposals - stats.refused)
    cost_s = (stats.blocked_s + stats.usd / prices.usd_per_hour * 3600.0) / usable
    return hit_rate / (prices.trial_s + cost_s)
