"""How figures look: colours of arms, fonts, numbers on axes.

Colours are those of Okabe and Ito, which the colour-blind can tell apart; an arm has the same one in every figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litecoop_bench.grid import Grid

COLOURS = ("#555555", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The baseline is grey."""
LINES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"))
"""Line and mark; beyond as many arms as colours, the next ones."""
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


@dataclass(frozen=True)
class Look:
    """How an arm is drawn, in every figure."""

    colour: str
    line: str
    mark: str


def look(grid: Grid, arm: str) -> Look:
    """Of an arm, by its place in the grid."""
    number = grid.arms.index(arm)
    return Look(COLOURS[number % len(COLOURS)], *LINES[number // len(COLOURS) % len(LINES)])


def beside(panel: Any, text: str, x: float, y: float) -> None:
    """A word at the end of a bar."""
    panel.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)


def plain_numbers(axis: Any, base: float = 10.0, subs: Sequence[float] = (1.0, 2.0, 5.0)) -> None:
    """0.5 and 20 rather than powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_major_locator(LogLocator(base, subs=subs if base == 10.0 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
