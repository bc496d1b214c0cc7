"""When a search is as good as the baseline ends: trials and seconds until then, one row per workload and arm.

By the times that the runs themselves measured, batch by batch; a batch counts as a whole. Where the kernel of either
turned out wrong at the end, the seed is left out: its times are of nothing.
"""

from __future__ import annotations

from litecoop_bench.grid import Grid, Rows
from tvm_litecoop.intervals import interval


def render(grid: Grid, rows: Rows) -> str:
    """A Markdown table; a run that never gets there counts with all its trials and seconds, and is told.

    Trials and ratios are geometric means [bootstrap over the seeds].

    Args:
        grid: The benchmark; its first arm is the baseline.
        rows: (workload, arm, seed) -> outcome with `curve` and `seconds`.
    """
    lines = [
        f"Until an arm is as good as `{grid.arms[0]}` ends after {grid.trials} trials (as timed in the runs):",
        "",
        "| workload | arm | trials to the baseline's best | seconds, baseline's / its | not reached |",
        "| --- " * 5 + "|",
    ]
    for arm in grid.arms[1:]:
        every = [_reached(grid, rows, workload, arm) for workload in grid.workloads]
        lines += [_row(workload, arm, [found]) for workload, found in zip(grid.workloads, every, strict=True) if found]
        if any(every):
            lines.append(_row("**all**", arm, [found for found in every if found]))
    return "\n".join(lines) if len(lines) > 4 else ""


def _row(name: str, arm: str, groups: list[list[tuple[int, float, bool]]]) -> str:
    """Over the workloads of that row, each a list over the seeds."""
    trials = interval([[trials for trials, _, _ in found] for found in groups])
    times = interval([[ratio for _, ratio, _ in found] for found in groups])
    reached = [one for found in groups for _, _, one in found]
    missed = f"{reached.count(False)} of {len(reached)}" if not all(reached) else ""
    return f"| {name} | {arm} | {trials:.0f} | {times} | {missed} |"


def _reached(grid: Grid, rows: Rows, workload: str, arm: str) -> list[tuple[int, float, bool]]:
    """For each seed: trials until the baseline's final best, its seconds over the baseline's, whether it got there."""
    found = []
    for seed in grid.seeds:
        base, mine = rows.get((workload, grid.arms[0], seed), {}), rows.get((workload, arm, seed), {})
        if not all(row.get("curve") and row.get("correct") is not False for row in (base, mine)):
            continue
        goal, all_s = base["curve"][-1][2], float(base["seconds"]["total"])
        point = next(((t, s) for t, s, best in mine["curve"] if best <= goal), None)
        trials, seconds = point or (mine["curve"][-1][0], float(mine["seconds"]["total"]))
        found.append((trials, all_s / seconds, point is not None))
    return found
