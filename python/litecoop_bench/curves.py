"""The figure of best latencies: over trials or over seconds, a panel for each workload."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from litecoop_bench import series
from litecoop_bench.grid import Grid, Rows
from litecoop_bench.style import look, plain_numbers

COLUMNS = 3
DIRECT = 5
"""Up to so many arms are named at their lines, more in a legend."""


def draw(grid: Grid, rows: Rows, axis: int, unit: str) -> Any:
    """Medians and ranges of the seeds; a dotted line where the baseline ends.

    Args:
        grid: The benchmark.
        rows: As of `table.render`.
        axis: `series.TRIALS` or `series.SECONDS`.
        unit: Its name.

    Returns:
        The figure; None where there is nothing to draw.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(grid.workloads))
    lines = math.ceil(len(grid.workloads) / columns)
    named = len(grid.arms) <= DIRECT
    legend = 0 if named else 0.2 * math.ceil(len(grid.arms) / (1 + columns))
    figure = Figure(figsize=(max(7.0, 4.9 * columns), 3.1 * lines + legend), layout="constrained")
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    drawn: dict[str, Any] = {}
    for panel, workload in zip(panels, grid.workloads, strict=False):
        ends = _lines(panel, grid, rows, workload, axis)
        drawn.update({arm: line for _, arm, line in ends})
        panel.set(title=workload, xscale="log", yscale="log", xlabel=unit, ylabel="best latency, ms")
        plain_numbers(panel.xaxis, base=2.0 if axis == series.TRIALS else 10.0)
        plain_numbers(panel.yaxis)
        if named:
            _name_lines(panel, ends)
    for panel in panels[len(grid.workloads) :]:
        panel.remove()
    if not named:
        figure.legend(
            drawn.values(), drawn, loc="outside lower center", ncols=1 + columns, frameon=False, handlelength=3
        )
    return figure if drawn else None


def _lines(panel: Any, grid: Grid, rows: Rows, workload: str, axis: int) -> list[tuple[float, str, Any]]:
    """Draw the arms of one workload: where each ends, its name, its line."""
    ends = []
    for arm in grid.arms:
        band = series.curve(grid, rows, workload, arm, axis)
        if band is None:
            continue
        drawn = look(grid, arm)
        colour, end = drawn.colour, {"marker": drawn.mark, "markersize": 4.5, "markevery": [len(band.x) - 1]}
        (line,) = panel.step(band.x, band.median, drawn.line, where="post", color=colour, linewidth=1.8, **end)
        panel.fill_between(band.x, band.low, band.high, step="post", color=colour, alpha=0.13, linewidth=0)
        panel.plot(band.x[-1:] * 2, [band.low[-1], band.high[-1]], linewidth=1, color=colour)
        if arm == grid.arms[0]:
            panel.axhline(band.median[-1], color=colour, linewidth=0.9, linestyle=(0, (2, 2)))
        ends.append((band.median[-1], arm, line))
    return ends


def _name_lines(panel: Any, ends: Sequence[tuple[float, str, Any]]) -> None:
    """Names at the right, as high as the lines end, moved apart where they would touch."""
    panel.figure.canvas.draw()
    to_panel = panel.transData + panel.transAxes.inverted()
    heights: list[float] = []
    for best, arm, line in sorted(ends):
        height = float(to_panel.transform((1.0, best))[1])
        heights.append(max([height, *(other + 0.085 for other in heights)]))
        panel.annotate(
            arm,
            (1.0, heights[-1]),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=line.get_color(),
            fontsize=8.5,
            annotation_clip=False,
        )
