"""The figures of bars: speed over the baseline's, and what members cost and brought."""

from __future__ import annotations

from typing import Any

from litecoop_bench import series
from litecoop_bench.grid import Grid, Rows
from litecoop_bench.retime import LIBRARY
from litecoop_bench.style import beside, look, plain_numbers

GAP = 0.7
"""Between the bars of two workloads, in bars."""


def speeds(grid: Grid, rows: Rows) -> Any:
    """Bars from the baseline's 1, to the right where a kernel is faster; None where there is none."""
    from matplotlib.figure import Figure

    groups = [(workload, bars) for workload in grid.workloads if (bars := series.speeds(grid, rows, workload))]
    if not groups:
        return None
    if len(groups) > 1:
        groups.append(("geometric mean", series.overall(grid, rows)))
    count = sum(len(bars) + GAP for _, bars in groups)
    figure = Figure(figsize=(8.5, 0.9 + 0.23 * count), layout="constrained")
    panel: Any = figure.subplots()
    at, ticks = 0.0, []
    for workload, bars in groups:
        ticks.append((at + (len(bars) - 1) / 2, workload))
        for bar in bars:
            colour = "#bbbbbb" if bar.name == LIBRARY else look(grid, bar.name).colour
            panel.barh(at, bar.mean - 1.0, left=1.0, height=0.8, color=colour)
            panel.plot([bar.low, bar.high], [at, at], color="black", linewidth=0.9)
            beside(panel, f"{bar.name}  {bar.mean:.2f}x{bar.some}", max(bar.high, 1.0), at)
            at += 1
        at += GAP
    panel.axvline(1.0, color="black", linewidth=0.9)
    panel.set(xscale="log", xlabel=f"speed, {grid.arms[0]} = 1 (whiskers: seeds; of the mean, its 95 % interval)")
    panel.set_yticks([place for place, _ in ticks], [name for _, name in ticks], fontweight="bold")
    panel.grid(axis="y", visible=False)
    panel.invert_yaxis()
    panel.margins(y=0.02)
    low, high = panel.get_xlim()
    panel.set_xlim(low, high * (high / low) ** 0.4)  # room for the names
    plain_numbers(panel.xaxis, subs=(1.0, 1.2, 1.5, *range(2, 10)))
    return figure


def members(grid: Grid, rows: Rows) -> Any:
    """What members cost and brought in a run: a row each, a column for each measure; None without members."""
    from matplotlib.figure import Figure

    shares = list(series.members(grid, rows))
    if not shares:
        return None
    measures = [("seconds", "seconds of thinking"), ("trials", "trials"), ("hits", "faster than their parent")]
    if any(share.usd for share in shares):
        measures.insert(1, ("usd", "US dollars"))
    figure = Figure(figsize=(3.6 + 2.4 * len(measures), 0.8 + 0.24 * len(shares)), layout="constrained")
    panels: Any = figure.subplots(1, len(measures), sharey=True)
    for panel, (key, title) in zip(panels, measures, strict=True):
        values = [getattr(share, key) for share in shares]
        panel.barh(range(len(shares)), values, height=0.75, color=[look(grid, one.arm).colour for one in shares])
        for at, value in enumerate(values):
            beside(panel, f"{value:.3g}", value, at)
        panel.set_title(title)
        panel.margins(x=0.22, y=0.02)
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(shares)), [f"{one.arm}: {one.member}" for one in shares])
    panels[0].invert_yaxis()
    return figure
