"""What models cost in a benchmark: dollars, calls, and model time hidden behind measurements, one row per arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litecoop_bench.grid import Grid, Rows
from litecoop_bench.table import good
from tvm_litecoop.intervals import interval


def render(grid: Grid, rows: Rows) -> str:
    """A Markdown table; empty where no arm paid for a model. `less` is the baseline's dollars / the arm's.

    Args:
        grid: The benchmark; its first arm is the baseline.
        rows: (workload, arm, seed) -> outcome with `members` and `seconds`.
    """
    paid = [arm for arm in grid.arms if sum(_usd(row) for row in _rows(grid, rows, arm))]
    if not paid:
        return ""
    lines = ["| arm | USD a run | less | calls a run | of the dearest | model s | hidden |", "| --- " * 7 + "|"]
    return "\n".join([*lines, *(_row(grid, rows, arm) for arm in paid)])


def _row(grid: Grid, rows: Rows, arm: str) -> str:
    mine = _rows(grid, rows, arm)
    calls = sum(_sum(row, "calls") for row in mine)
    model_s = sum(_sum(row, "seconds") for row in mine)
    hidden = sum(float(row["seconds"].get("hidden", 0.0)) for row in mine)
    dearest = sum(_dearest(row) for row in mine) / calls
    ratios = [
        [_usd(base) / _usd(row)]
        for workload in grid.workloads
        for seed in grid.seeds
        if good(base := rows.get((workload, grid.arms[0], seed), {}))
        and good(row := rows.get((workload, arm, seed), {}))
        and _usd(base) * _usd(row) > 0
    ]
    less = f"{interval(ratios).mean:.1f}x" if ratios else ""
    n = len(mine)
    return (
        f"| {arm} | {sum(map(_usd, mine)) / n:.4f} | {less} | {calls / n:.1f} | {dearest:.0%} "
        f"| {model_s / n:.1f} | {hidden / model_s if model_s else 0:.0%} |"
    )


def _rows(grid: Grid, rows: Rows, arm: str) -> list[Mapping[str, Any]]:
    found = [rows.get((workload, arm, seed), {}) for workload in grid.workloads for seed in grid.seeds]
    return [row for row in found if row.get("members")]


def _dearest(row: Mapping[str, Any]) -> float:
    """Calls of the member with the most dollars a call."""
    members = [one for one in row["members"].values() if one["calls"]]
    return float(max(members, key=lambda one: one["usd"] / one["calls"])["calls"]) if members else 0.0


def _usd(row: Mapping[str, Any]) -> float:
    return _sum(row, "usd")


def _sum(row: Mapping[str, Any], key: str) -> float:
    return sum(float(one[key]) for one in row.get("members", {}).values())
