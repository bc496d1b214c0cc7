"""The result of a benchmark as text: one row per workload and arm, ratios to the baseline with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litecoop_bench.grid import Grid
from tvm_litecoop.intervals import geometric_mean, interval

Rows = Mapping[tuple[str, str, int], Mapping[str, Any]]


def render(grid: Grid, rows: Rows) -> str:
    """A Markdown table. Speed is baseline latency / latency, time is baseline seconds / seconds: above 1 is better.

    Args:
        grid: The benchmark; its first arm is the baseline.
        rows: (workload, arm, seed) -> outcome with `final_ms`, `correct` and `seconds`.
    """
    lines = [
        f"{grid.trials} trials, seeds {', '.join(map(str, grid.seeds))}; "
        f"ratios to `{grid.arms[0]}`, geometric mean [bootstrap over the seeds]",
        "",
        "| workload | arm | best ms | speed | tuning s | time | correct |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for workload in grid.workloads:
        lines += [_row(grid, rows, workload, arm) for arm in grid.arms]
    lines += [_summary(grid, rows, arm) for arm in grid.arms[1:]]
    return "\n".join(lines)


def _row(grid: Grid, rows: Rows, workload: str, arm: str) -> str:
    mine = _cells(rows, workload, arm, grid.seeds)
    good = f"{len(mine)} of {len(grid.seeds)}"
    if not mine:
        return f"| {workload} | {arm} | failed | | | | {good} |"
    best = geometric_mean([row["final_ms"] for row in mine])
    seconds = geometric_mean([row["seconds"]["total"] for row in mine])
    speed, time = (_ratios(grid, rows, workload, arm, key) for key in ("speed", "time"))
    ratio = [str(interval([r])) if r else "" for r in (speed, time)]
    return f"| {workload} | {arm} | {best:.4f} | {ratio[0]} | {seconds:.1f} | {ratio[1]} | {good} |"


def _summary(grid: Grid, rows: Rows, arm: str) -> str:
    ratios = {key: [r for w in grid.workloads if (r := _ratios(grid, rows, w, arm, key))] for key in ("speed", "time")}
    shown = [str(interval(r)) if r else "" for r in ratios.values()]
    return f"| **all** | {arm} | | **{shown[0]}** | | **{shown[1]}** | |"


def _ratios(grid: Grid, rows: Rows, workload: str, arm: str, key: str) -> list[float]:
    found = []
    for seed in grid.seeds:
        base, mine = rows.get((workload, grid.arms[0], seed)), rows.get((workload, arm, seed))
        if base and mine and _ok(base) and _ok(mine):
            found.append(_measure(base, key) / _measure(mine, key))
    return found


def _cells(rows: Rows, workload: str, arm: str, seeds: Sequence[int]) -> list[Mapping[str, Any]]:
    return [row for seed in seeds if (row := rows.get((workload, arm, seed))) and _ok(row)]


def _ok(row: Mapping[str, Any]) -> bool:
    return bool(row.get("final_ms")) and "error" not in row and bool(row.get("correct"))


def _measure(row: Mapping[str, Any], key: str) -> float:
    return float(row["final_ms"] if key == "speed" else row["seconds"]["total"])
