"""How well the expert's arithmetic ranks what was measured: `python -m litecoop_bench.ranking FOLDER...`.

Asks `models.roofline` about the programs in the databases of a benchmark's cells, the baseline's among them, as far as
they are of TVM's own design spaces. It judges tilings alone, so places and unroll limits are left to luck; no workload
without a tiled nest is shown. The folders should be of this machine: its caches and vectors are what the arithmetic is
told.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from litecoop_bench.grid import Cell
from litecoop_bench.results import Results
from tvm_litecoop.models.gaussian import Array
from tvm_litecoop.models.points import Points
from tvm_litecoop.values import Program

FASTEST = 40
"""Programs that one would like to see ranked first."""
FIRST = 0.1
"""Share of the programs that count as ranked first."""


def main() -> None:
    """Print a row per workload."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="+", type=Path, help="what `litecoop bench --out` was given")
    folders: list[Path] = parser.parse_args().folder
    runs = [(cell, folder) for folder in folders for cell in Results(folder / "cells.jsonl").finished()]
    if not runs:
        raise SystemExit("no finished cell there; give the folder that `litecoop bench --out` was given")
    above, first = f"above fastest {FASTEST}", "time of first tenth"
    print(f"{'workload':<32}  {'programs':>8}  {'Spearman':>8}  {above:>16}  {first:>19}")
    rows = []
    for workload in dict.fromkeys(cell.workload for cell, _ in runs):
        seconds, expected = _measured(workload, [(cell, folder) for cell, folder in runs if cell.workload == workload])
        if len(seconds) and np.ptp(expected):
            rows.append(judged(seconds, expected))
            print(_line(workload, len(seconds), rows[-1]), flush=True)
    if rows:
        print(_line("mean", 0, tuple(np.mean(rows, axis=0))))


def _measured(workload: str, runs: Iterable[tuple[Cell, Path]]) -> tuple[Array, Array]:
    """Seconds of all programs of a workload, and log2 of the speed that the arithmetic expects."""
    from litecoop_bench.tasks import recorded, space_of

    space = space_of(workload)
    programs: dict[Program, float] = {}
    for cell, folder in runs:
        programs.update((built.program, seconds) for built, seconds in recorded(space, folder / cell.name))
    sketches = space.view(space.sketches[0].default).sketches
    return np.array(list(programs.values())), Points(list(programs), sketches, space.machine).expected


def judged(seconds: Array, expected: Array) -> tuple[float, ...]:
    """Spearman's rank correlation; share of all that is ranked above the fastest; time of the first, of the best's."""
    fastest = np.argsort(seconds)[:FASTEST]
    above = np.mean([(expected > expected[i]).mean() for i in fastest])
    first = np.argsort(-expected, kind="stable")[: max(1, round(FIRST * len(seconds)))]
    slower = np.exp(np.mean(np.log(seconds[first])) - np.log(seconds.min()))
    return float(spearmanr(expected, -seconds).statistic), float(above), float(slower)


def _line(workload: str, programs: int, found: tuple[float, ...]) -> str:
    spearman, above, slower = found
    return f"{workload:<32}  {programs or '':>8}  {spearman:>8.2f}  {above:>16.0%}  {slower:>17.2f} x"


if __name__ == "__main__":
    main()
