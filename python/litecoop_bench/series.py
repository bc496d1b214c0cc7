"""What the figures show, as plain numbers: medians and ranges over the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from litecoop_bench.clock import points
from litecoop_bench.grid import Grid, Rows
from litecoop_bench.retime import LIBRARY
from litecoop_bench.table import of_how_many, ratios
from tvm_litecoop.intervals import geometric_mean, interval

TRIALS, SECONDS = 0, 1
"""The axis of a curve: its entries are those of `clock.points`."""


@dataclass(frozen=True)
class Band:
    """A step function over the seeds: from each `x` on, the median and the range of the best milliseconds."""

    x: list[float]
    median: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Bar:
    """A ratio: its geometric mean, and the range of the seeds or the interval of the mean.

    Attributes:
        name: An arm, or the library.
        mean: The mean.
        low: Of the range or interval.
        high: Of the range or interval.
        some: Says of how many workloads the mean is, where some have none.
    """

    name: str
    mean: float
    low: float
    high: float
    some: str = ""


@dataclass(frozen=True)
class Share:
    """What a member cost and brought, on average over the runs of an arm."""

    arm: str
    member: str
    seconds: float
    usd: float
    trials: float
    hits: float


def curve(grid: Grid, rows: Rows, workload: str, arm: str, axis: int) -> Band | None:
    """Best latency over trials or seconds, from where every seed has a kernel; a seed that has ended keeps its last.

    Returns:
        None where no run has one.
    """
    runs = [run for seed in grid.seeds if (run := points(rows.get((workload, arm, seed), {})))]
    if not runs:
        return None
    start = max(run[0][axis] for run in runs)
    x = sorted({start, *(point[axis] for run in runs for point in run if point[axis] > start)})
    seen = [[min(best for *at, best in run if at[axis] <= here) for run in runs] for here in x]
    return Band(x, [statistics.median(s) for s in seen], [min(s) for s in seen], [max(s) for s in seen])


def speeds(grid: Grid, rows: Rows, workload: str) -> list[Bar]:
    """Speed over the baseline's, of the other arms and of the library, by the timing at the end."""
    found = [(arm, _speed(grid, rows, workload, arm)) for arm in (*grid.arms[1:], LIBRARY)]
    return [Bar(arm, geometric_mean(seen), min(seen), max(seen)) for arm, seen in found if seen]


def overall(grid: Grid, rows: Rows) -> list[Bar]:
    """The geometric means of the speeds over the workloads, with bootstrap intervals."""
    bars = []
    for arm in (*grid.arms[1:], LIBRARY):
        every = [_speed(grid, rows, workload, arm) for workload in grid.workloads]
        if any(every):
            over = interval([seen for seen in every if seen])
            bars.append(Bar(arm, over.mean, over.low, over.high, of_how_many(every)))
    return bars


def _speed(grid: Grid, rows: Rows, workload: str, arm: str) -> list[float]:
    """For each seed."""
    if arm == LIBRARY:
        return [1.0 / ratio for ratio in ratios(grid, rows, workload, grid.arms[0], "of library")]
    return ratios(grid, rows, workload, arm, "speed")


def members(grid: Grid, rows: Rows) -> Iterable[Share]:
    """Of every arm with a pool, those members that did anything."""
    for arm in grid.arms:
        cells = [row for key, row in rows.items() if key[1] == arm and row.get("members")]
        for name in dict.fromkeys(name for row in cells for name in row["members"]):
            stats = [row["members"][name] for row in cells if name in row["members"]]
            mean = {
                key: sum(float(one[key]) for one in stats) / len(cells)
                for key in ("calls", "seconds", "usd", "trials", "hits")
            }
            if mean.pop("calls"):
                yield Share(arm, name, **mean)
