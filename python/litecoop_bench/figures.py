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
GAP = 0.7
"""Between the bars of two workloads, in bars."""
DIRECT = 5
"""Up to so many arms are named at their lines, more in a legend."""
SIMULATED = "Arms named simulated- ask simulated models; kernels, builds and measurements are real."
SEEDS = "median and range of the seeds, as timed in the runs"
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
        f"Best latency over trials, {SEEDS}": ("trials.png", lambda g, r: _curves(g, r, series.TRIALS, "trials")),
        f"Best latency over seconds, {SEEDS}": ("seconds.png", lambda g, r: _curves(g, r, series.SECONDS, "seconds")),
        f"Kernel speed over {grid.arms[0]}, timed in turns at the end": ("speed.png", _speeds),
        "What members cost and brought, mean of a run": ("members.png", _members),
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
    figure.suptitle(title, x=0.01, y=1.015, ha="left", va="bottom", fontsize=12, fontweight="bold")
    if any(map(simulated, grid.arms)):
        figure.text(0.01, -0.005, SIMULATED, ha="left", va="top", fontsize=8, color="#a03000")


def _look(grid: Grid, arm: str) -> dict[str, Any]:
    number = grid.arms.index(arm)
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": STYLES[number // len(COLOURS) % len(STYLES)]}


def _curves(grid: Grid, rows: Rows, axis: int, unit: str) -> Any:
    """A panel for each workload; a dotted line where the baseline ends."""
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
            panel.plot(band.x[-1:], band.median[-1:], "o", markersize=4, color=look["color"])
            panel.plot(band.x[-1:] * 2, [band.low[-1], band.high[-1]], linewidth=1, color=look["color"])
            if arm == grid.arms[0]:
                panel.axhline(band.median[-1], color=look["color"], linewidth=0.9, linestyle=(0, (2, 2)))
            panel.fill_between(band.x, band.low, band.high, step="post", color=look["color"], alpha=0.13, linewidth=0)
            ends.append((band.median[-1], arm, line))
        drawn = drawn or bool(ends)
        panel.set(title=workload, xscale="log", yscale="log", xlabel=unit, ylabel="best latency, ms")
        _plain_numbers(panel.xaxis, base=2.0 if axis == series.TRIALS else 10.0)
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
    """Bars from the baseline's 1, to the right where a kernel is faster."""
    from matplotlib import pyplot

    groups = [(workload, bars) for workload in grid.workloads if (bars := series.speeds(grid, rows, workload))]
    if not groups:
        return None
    if len(groups) > 1:
        groups.append(("geometric mean", series.overall(grid, rows)))
    count = sum(len(bars) + GAP for _, bars in groups)
    figure, panel = pyplot.subplots(figsize=(8.5, 0.9 + 0.23 * count), layout="constrained")
    at, ticks = 0.0, []
    for workload, bars in groups:
        ticks.append((at + (len(bars) - 1) / 2, workload))
        for bar in bars:
            colour = "#bbbbbb" if bar.name == LIBRARY else _look(grid, bar.name)["color"]
            panel.barh(at, bar.mean - 1.0, left=1.0, height=0.8, color=colour)
            panel.plot([bar.low, bar.high], [at, at], color="black", linewidth=0.9)
            text = f"{bar.name}  {bar.mean:.2f}x"
            _beside(panel, text, max(bar.high, 1.0), at)
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
    _plain_numbers(panel.xaxis, subs=(1.0, 1.2, 1.5, *range(2, 10)))
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
            _beside(panel, f"{value:.3g}", value, at)
        panel.set_title(title)
        panel.margins(x=0.22, y=0.02)
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(shares)), [f"{one.arm}: {one.member}" for one in shares])
    panels[0].invert_yaxis()
    return figure


def _beside(panel: Any, text: str, x: float, y: float) -> None:
    """A word at the end of a bar."""
    panel.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)


def _plain_numbers(axis: Any, base: float = 10.0, subs: Sequence[float] = (1.0, 2.0, 5.0)) -> None:
    """0.5 and 20 rather than powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_major_locator(LogLocator(base, subs=subs if base == 10.0 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
