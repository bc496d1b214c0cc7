"""A whole benchmark: cells in order, finished ones skipped, kernels timed together at the end, the table."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from litecoop_bench import cell as cells
from litecoop_bench import money, reach, retime, table
from litecoop_bench.grid import Cell, load


def run(grid_file: Path, folder: Path, say: Callable[[str], None]) -> int:
    """Run a grid.

    Args:
        grid_file: The grid.
        folder: Where databases, `cells.jsonl` and `table.md` go; a rerun goes on there.
        say: Shows one line of progress.

    Returns:
        0, or 1 where a cell failed or a kernel was wrong.
    """
    grid = load(grid_file)
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "cells.jsonl"
    done = _finished(results)
    wanted = grid.cells()
    for number, cell in enumerate(wanted, 1):
        if cell not in done:
            done[cell] = cells.run(cell, folder)
            with results.open("a") as file:
                file.write(json.dumps(done[cell]) + "\n")
        say(f"[{number}/{len(wanted)}] {cell.workload} {cell.arm} seed {cell.seed}: {_short(done[cell])}")
    for name, (correct, seconds) in retime.retime(wanted, folder).items():
        cell = next(c for c in wanted if c.name == name)
        done[cell] = {**done[cell], "correct": correct, "final_ms": seconds * 1e3}
    rows = {(c.workload, c.arm, c.seed): done[c] for c in wanted}
    parts = [table.render(grid, rows), reach.render(grid, rows), money.render(grid, rows)]
    text = f"{_machine()}, {date.today()}; " + "\n\n".join(part for part in parts if part) + "\n"
    (folder / "table.md").write_text(text)
    say(text)
    return int(any("error" in row or not row.get("correct") for row in rows.values()))


def _finished(results: Path) -> dict[Cell, dict[str, Any]]:
    """Cells of an earlier run that did not fail."""
    found = {}
    for line in results.read_text().splitlines() if results.exists() else []:
        row = json.loads(line)
        if "error" not in row:
            found[Cell(**{key: row[key] for key in asdict(Cell("", "", 0, 0))})] = row
    return found


def _short(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"FAILED: {row['error']}"
    return f"{row['best_ms']:.4f} ms in {row['seconds']['total']:.1f} s" if row["best_ms"] else "no candidate ran"


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()
