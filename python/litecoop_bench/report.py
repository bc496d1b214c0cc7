"""What a benchmark leaves: `final.jsonl`, `table.md`, PNG figures and `index.html`, all of the same cells."""

from __future__ import annotations

import json
from pathlib import Path

from litecoop_bench import figures, money, page, provenance, reach, shares, table
from litecoop_bench.arms import simulated
from litecoop_bench.grid import Grid, Rows

PRIVATE = ("directory",)
"""What a reader of the cells elsewhere has no use for: paths of this machine."""
NO_FIGURES = "no figures: pip install matplotlib and run the same command again (the finished cells are kept)"


def write(name: str, grid: Grid, rows: Rows, folder: Path, grid_text: str) -> str:
    """Write all of them.

    Args:
        name: Of the benchmark.
        grid: The benchmark.
        rows: Its cells with what the timing at the end gave, the library's among them.
        folder: Where the files go.
        grid_text: The grid file.

    Returns:
        What to print: the tables, and where the rest is.
    """
    shown = text(grid, rows)
    cells = [{key: value for key, value in row.items() if key not in PRIVATE} for row in rows.values()]
    (folder / "final.jsonl").write_text("".join(json.dumps(cell) + "\n" for cell in cells))
    (folder / "table.md").write_text(shown)
    drawn = figures.draw(grid, rows, folder) if figures.available() else {}
    (folder / "index.html").write_text(page.render(name, shown, drawn, grid_text))
    closing = f"tables and figures: {folder / 'index.html'}"
    return f"{shown}\n{closing if figures.available() else f'{closing}; {NO_FIGURES}'}"


def text(grid: Grid, rows: Rows) -> str:
    """All tables as Markdown."""
    cells = [row for (_, arm, _), row in rows.items() if arm in grid.arms]
    parts = [
        provenance.render(cells),
        f"**Simulated:** {figures.SIMULATED}" if any(map(simulated, grid.arms)) else "",
        table.render(grid, rows),
        table.failures(grid, rows),
        table.counts(grid, rows),
        reach.render(grid, rows),
        shares.render(grid, rows),
        money.render(grid, rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
