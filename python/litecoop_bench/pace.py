"""How long a benchmark will still take, by the cells that are done."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from litecoop_bench.grid import Cell


def left_s(waiting: Sequence[Cell], done: Mapping[Cell, Mapping[str, Any]]) -> float | None:
    """Seconds for the cells that wait: each as long as its like, most alike first; None where nothing is known."""
    walls = {cell: float(row["wall_s"]) for cell, row in done.items() if row.get("wall_s")}
    return sum(_expected(cell, walls) for cell in waiting) if walls else None


def words(seconds: float) -> str:
    """Such as `about 3 h 20 min`."""
    minutes = max(1, round(seconds / 60))
    return f"about {minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"about {minutes} min"


def _expected(cell: Cell, walls: Mapping[Cell, float]) -> float:
    alike = [
        [s for one, s in walls.items() if (one.workload, one.arm) == (cell.workload, cell.arm)],
        [s for one, s in walls.items() if one.arm == cell.arm],
        list(walls.values()),
    ]
    return statistics.median(next(found for found in alike if found))
