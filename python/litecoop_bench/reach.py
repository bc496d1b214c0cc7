"""The way there: when a search is as good as the baseline ends, and how much better it is early on.

By the times of the runs on the clock of the end (`clock`): trials to the very one, seconds to the end of its batch.
(The cells of `docs/results/search-seed*.jsonl` have a point for each batch alone: there a batch counts as a whole.) One
row per workload and arm, the baseline too: its own best it has found before it ends, and its seconds until then count.
"""

from __future__ import annotations

from dataclasses import dataclass

from litecoop_bench.clock import Points, points
from litecoop_bench.grid import Grid, Rows
from litecoop_bench.table import of_how_many
from tvm_litecoop.intervals import interval

EARLY = 4
"""The speed early on is that after this share of the trials: a quarter, 64 of 256."""


@dataclass(frozen=True)
class _Way:
    """Of one run against the baseline's with the same seed.

    Attributes:
        trials: Until the baseline's final best; where it was not reached all of the grid's, made or not.
        time: Seconds of the baseline until its own best over seconds until then; where it was not reached, over those
            of all trials of the grid, as long as those that were made.
        early: Speed against the baseline, both after a quarter of the trials.
        reached: Whether it was.
    """

    trials: int
    time: float
    early: float
    reached: bool


def render(grid: Grid, rows: Rows) -> str:
    """A Markdown table; a run that never gets there counts with all trials and their seconds, and is told.

    All are those of the grid: a search that gives up after a few, for it knows no more programs, is not early.

    Trials and ratios are geometric means [bootstrap over the seeds].

    Args:
        grid: The benchmark; its first arm is the baseline.
        rows: (workload, arm, seed) -> outcome with `curve` and `seconds`.
    """
    lines = [
        f"Until an arm is as good as `{grid.arms[0]}` ends after {grid.trials} trials, and the speed of both after "
        f"{_early(grid)} (as timed in the runs, on the clock of the end):",
        "",
        "| workload | arm | trials to the baseline's best | seconds to it, baseline's / its | "
        f"speed at {_early(grid)} | not reached |",
        "| --- " * 6 + "|",
    ]
    for arm in grid.arms:
        every = [_ways(grid, rows, workload, arm) for workload in grid.workloads]
        lines += [_row(workload, arm, [found]) for workload, found in zip(grid.workloads, every, strict=True) if found]
        if any(every):
            lines.append(_row(f"**all**{of_how_many(every)}", arm, [found for found in every if found]))
    return "\n".join(lines) if len(lines) > 4 else ""


def _row(name: str, arm: str, groups: list[list[_Way]]) -> str:
    """Over the workloads of that row, each a list over the seeds."""
    trials = interval([[way.trials for way in found] for found in groups])
    times = interval([[way.time for way in found] for found in groups])
    early = interval([[way.early for way in found] for found in groups])
    reached = [way.reached for found in groups for way in found]
    missed = f"{reached.count(False)} of {len(reached)}" if not all(reached) else ""
    return f"| {name} | {arm} | {trials:.0f} | {times} | {early} | {missed} |"


def _ways(grid: Grid, rows: Rows, workload: str, arm: str) -> list[_Way]:
    """One for each seed that both ran."""
    found = []
    for seed in grid.seeds:
        row = rows.get((workload, arm, seed), {})
        base, mine = points(rows.get((workload, grid.arms[0], seed), {})), points(row)
        if not base or not mine:
            continue
        goal, early = base[-1][2], _early(grid)
        base_s = next(seconds for _, seconds, best in base if best <= goal)
        reached = next(((trials, seconds) for trials, seconds, best in mine if best <= goal), None)
        made = mine[-1][0]
        all_trials = max(grid.trials, made)
        trials, seconds = reached or (all_trials, float(row["seconds"]["total"]) * all_trials / made)
        found.append(_Way(trials, base_s / seconds, _best(base, early) / _best(mine, early), reached is not None))
    return found


def _early(grid: Grid) -> int:
    return max(1, grid.trials // EARLY)


def _best(run: Points, trials: int) -> float:
    """After so many trials; after the first batch, where that is larger."""
    return min([run[0][2], *(best for done, _, best in run if done <= trials)])
