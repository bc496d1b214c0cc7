"""The best times of a run over its trials, on the clock of the end.

In a run every search has the clock of its own runner: TVM's calls kernels with numbers from 1 to 10 and ours with
numbers around 0, and the best of many noisy times is too good by some percent. At the end all kernels are timed in
turns. So the times of a run are stretched until its last one is what was found at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litecoop_bench.table import good

Points = list[tuple[int, float, float]]
"""Trials, seconds since the start, best milliseconds so far."""


def points(row: Mapping[str, Any]) -> Points:
    """Of one cell; none where it failed, or its kernel is wrong: its times are of nothing."""
    if not good(row) or not row.get("curve"):
        return []
    curve: Points = [(int(trials), float(seconds), float(best)) for trials, seconds, best in row["curve"]]
    stretch = float(row["final_ms"]) / curve[-1][2]
    return [(trials, seconds, best * stretch) for trials, seconds, best in curve]
