"""The figures of a benchmark as PNG files, by matplotlib (`pip install matplotlib`, the extra `bench`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from litecoop_bench import bars, curves, series
from litecoop_bench.arms import simulated
from litecoop_bench.grid import Grid, Rows
from litecoop_bench.style import STYLE

SIMULATED = "Arms named simulated- ask simulated models; kernels, builds and measurements are real."
SEEDS = "median and range of the seeds, as timed in the runs, on the clock of the end"


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

    makers: dict[str, tuple[str, Callable[[Grid, Rows], Any]]] = {
        f"Best latency over trials, {SEEDS}": ("trials.png", lambda g, r: curves.draw(g, r, series.TRIALS, "trials")),
        f"Best latency over seconds, {SEEDS}": (
            "seconds.png",
            lambda g, r: curves.draw(g, r, series.SECONDS, "seconds"),
        ),
        f"Kernel speed over {grid.arms[0]}, timed in turns at the end": ("speed.png", bars.speeds),
        "What members cost and brought, mean of a run": ("members.png", bars.members),
    }
    drawn = {}
    with matplotlib.rc_context(STYLE):
        for title, (name, make) in makers.items():
            figure = make(grid, rows)
            if figure is None:
                continue
            _sign(figure, title, grid)
            figure.savefig(folder / name, bbox_inches="tight", pad_inches=0.15)
            drawn[title] = folder / name
    return drawn


def _sign(figure: Any, title: str, grid: Grid) -> None:
    """The title, and under it what is simulated; both above the panels."""
    inch = 1.0 / figure.get_figheight()
    left = {"x": 0.01, "ha": "left", "va": "bottom"}
    if any(map(simulated, grid.arms)):
        figure.text(y=1.0 + 0.04 * inch, s=SIMULATED, fontsize=8.5, color="#a03000", **left)
    figure.text(y=1.0 + 0.22 * inch, s=title, fontsize=12, fontweight="bold", **left)
