"""The figures of a benchmark as PNG files, by matplotlib (`pip install matplotlib`, the extra `report`).

Colours are those of Okabe and Ito, which the colour-blind can tell apart; an arm has the same one in every figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from litecoop_bench import series
from litecoop_bench.arms import simulated
from litecoop_bench.grid import Grid, Rows
from litecoop_bench.retime import LIBRARY

COLOURS = ("#555555", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The baseline is grey."""
STYLES = ("-", "--", ":", "-.")
"""Beyond as many arms as colours, the next style."""
COLUMNS = 3
DIRECT = 5
"""Up to so many arms are named at their lines, more in a legend."""
SIMULATED = "Arms named simulated- ask simulated models; kernels, builds and measurements are real."
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.dpi": 140,
}


def available() -> bool:
    """Whether matplotlib is there."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def draw(grid: Grid, rows: Rows, folder: Path) -> dict[str, Path]:
    """Draw all figures that there is something for.

    Args:
        grid: The benchmark; its first arm is the baseline.
        rows: As of `table.render`.
        folder: Where the files go.

    Returns:
        What a figure shows -> its file.
    """
    import matplotlib

    matplotlib.use("Agg")  # files only; no display is looked for
    makers: dict[str, tuple[str, Callable[[Grid, Rows], Any]]] = {
        "Best latency over trials": ("trials.png", lambda g, r: _curves(g, r, series.TRIALS, "trials")),
        "Best latency over seconds": ("seconds.png", lambda g, r: _curves(g, r, series.SECONDS, "seconds of tuning")),
        "Kernel speed": ("speed.png", _speeds),
        "Members of the pools": ("members.png", _members),
    }
    drawn = {}
    with matplotlib.rc_context(STYLE):
        from matplotlib import pyplot

        for title, (name, make) in makers.items():
            figure = make(grid, rows)
            if figure is None:
                continue
            _sign(figure, title, grid)
            figure.savefig(folder / name, bbox_inches="tight", pad_inches=0.15)
            pyplot.close(figure)
            drawn[title] = folder / name
    return drawn


def _sign(figure: Any, title: str, grid: Grid) -> None:
    """Title above; what is simulated, below."""
    figure.suptitle(title, x=0.01, y=1.0, ha="left", va="bottom", fontsize=13, fontweight="bold")
    if any(map(simulated, grid.arms)):
        figure.text(0.01, -0.005, SIMULATED, ha="left", va="top", fontsize=8, color="#a03000")


def _look(grid: Grid, arm: str) -> dict[str, Any]:
    number = grid.arms.index(arm)
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": STYLES[number // len(COLOURS) % len(STYLES)]}


def _curves(grid: Grid, rows: Rows, axis: int, unit: str) -> Any:
    """A panel for each workload: medians over the seeds, from the fastest to the slowest seed."""
    from matplotlib import pyplot

    columns = min(COLUMNS, len(grid.workloads))
    lines = math.ceil(len(grid.workloads) / columns)
    figure, panels = pyplot.subplots(
        lines, columns, figsize=(4.9 * columns, 3.1 * lines), squeeze=False, layout="constrained"
    )
    drawn = False
    for panel, workload in zip(panels.flat, grid.workloads, strict=False):
        ends = []
        for arm in grid.arms:
            band = series.curve(grid, rows, workload, arm, axis)
            if band is None:
                continue
            look = _look(grid, arm)
            (line,) = panel.step(band.x, band.median, where="post", linewidth=1.8, label=arm, **look)
            panel.plot(band.x[-1:], band.median[-1:], "o", markersize=3.5, color=look["color"])
            panel.fill_between(band.x, band.low, band.high, step="post", color=look["color"], alpha=0.13, linewidth=0)
            ends.append((band.median[-1], arm, line))
        drawn = drawn or bool(ends)
        panel.set(title=workload, xscale="log", yscale="log", xlabel=unit, ylabel="best latency, ms")
        _plain_numbers(panel.xaxis)
        _plain_numbers(panel.yaxis)
        if len(grid.arms) <= DIRECT:
            _name_lines(panel, ends)
    for panel in list(panels.flat)[len(grid.workloads) :]:
        panel.remove()
    if drawn and len(grid.arms) > DIRECT:
        handles, names = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    if not drawn:
        pyplot.close(figure)
    return figure if drawn else None


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


def _speeds(grid: Grid, rows: Rows) -> Any:
    """Bars from the baseline's 1, to the right where a kernel is faster; whiskers over the seeds."""
    from matplotlib import pyplot

    groups = [(workload, series.speeds(grid, rows, workload)) for workload in grid.workloads]
    groups = [(workload, bars) for workload, bars in groups if bars]
    if not groups:
        return None
    count = sum(len(bars) + 1 for _, bars in groups)
    figure, panel = pyplot.subplots(figsize=(8.5, 0.8 + 0.23 * count), layout="constrained")
    at, ticks = 0.0, []
    for workload, bars in groups:
        ticks.append((at + (len(bars) - 1) / 2, workload))
        for bar in bars:
            colour = "#bbbbbb" if bar.name == LIBRARY else _look(grid, bar.name)["color"]
            panel.barh(at, bar.mean - 1.0, left=1.0, height=0.8, color=colour)
            panel.plot([bar.low, bar.high], [at, at], color="black", linewidth=0.9)
            panel.annotate(
                f"{bar.name}  {bar.mean:.2f}x",
                (max(bar.high, 1.0), at),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
            at += 1
        at += 1
    panel.axvline(1.0, color="black", linewidth=0.9)
    panel.set(xscale="log", xlabel=f"speed over {grid.arms[0]} (1 = equal; geometric mean, whiskers from seed to seed)")
    panel.set_yticks([place for place, _ in ticks], [name for _, name in ticks], fontweight="bold")
    panel.grid(axis="y", visible=False)
    panel.invert_yaxis()
    panel.margins(y=0.02)
    low, high = panel.get_xlim()
    panel.set_xlim(low, high * (high / low) ** 0.45)  # room for the names
    _plain_numbers(panel.xaxis)
    return figure


def _members(grid: Grid, rows: Rows) -> Any:
    """What members cost and brought in a run: a row each, a column for each measure."""
    from matplotlib import pyplot

    shares = list(series.members(grid, rows))
    if not shares:
        return None
    measures = [("seconds", "seconds of thinking"), ("trials", "trials"), ("hits", "faster than their parent")]
    if any(share.usd for share in shares):
        measures.insert(1, ("usd", "US dollars"))
    figure, panels = pyplot.subplots(
        1,
        len(measures),
        figsize=(3.6 + 2.4 * len(measures), 0.8 + 0.24 * len(shares)),
        sharey=True,
        layout="constrained",
    )
    for panel, (key, title) in zip(panels, measures, strict=True):
        values = [getattr(share, key) for share in shares]
        panel.barh(range(len(shares)), values, height=0.75, color=[_look(grid, one.arm)["color"] for one in shares])
        for at, value in enumerate(values):
            panel.annotate(
                f"{value:.3g}", (value, at), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5
            )
        panel.set_title(title)
        panel.set_xlabel("a run, mean")
        panel.margins(x=0.22, y=0.02)
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(shares)), [f"{one.arm}: {one.member}" for one in shares])
    panels[0].invert_yaxis()
    return figure


def _plain_numbers(axis: Any) -> None:
    """0.5 and 20 rather than powers of ten, also between the powers where there are few."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
