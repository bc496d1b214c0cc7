"""The tables of benchmarks that have run, without running anything: `python -m litecoop_bench.archive FINAL.jsonl...`.

What a benchmark leaves as `final.jsonl` is all that its tables are made of. Seeds that ran on different days or
machines become one table: every ratio is of two cells of one file, whose kernels were timed in turns, so a seed of a
workload must be in one file. The library has one cell a file and no seed, so it is in the table of one file alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litecoop_bench import report
from litecoop_bench.grid import Grid, Rows
from litecoop_bench.retime import LIBRARY
from tvm_litecoop.errors import ConfigError, LiteCoOpError

MEND = "name final.jsonl files of one grid, with different seeds"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FINAL.jsonl", help="of one grid, with different seeds")
    try:
        print(report.text(*merged(parser.parse_args().files)), end="")
    except LiteCoOpError as error:
        raise SystemExit(str(error)) from None


def merged(files: Sequence[Path]) -> tuple[Grid, Rows]:
    """The cells of all files, and the grid that they make.

    Args:
        files: As `report.write` leaves them; workloads and arms stay in the order of the first one.

    Raises:
        ConfigError: A file cannot be read, two have a cell in common, or their numbers of trials differ.
    """
    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    homes: dict[tuple[str, int], Path] = {}
    for file in files:
        for row in _read(file):
            seed = row.get("seed")
            if seed is None and len(files) > 1:
                continue
            cell = (row["workload"], row["arm"], seed or 0)
            if cell in rows or homes.setdefault((row["workload"], seed or 0), file) != file:
                raise ConfigError(f"{file}: {row['workload']} {row['arm']} seed {seed} is in an earlier file too", MEND)
            rows[cell] = row
    searched = [row for row in rows.values() if row["arm"] != LIBRARY]
    trials = {int(row["trials"]) for row in searched}
    if len(trials) != 1:
        raise ConfigError(f"cells of {', '.join(map(str, sorted(trials))) or 'no'} trials", MEND)
    workloads, arms, seeds = (dict.fromkeys(row[key] for row in searched) for key in ("workload", "arm", "seed"))
    return Grid(tuple(workloads), tuple(arms), trials.pop(), tuple(seeds)), rows


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: {error}", MEND) from None
    if not all(isinstance(row, dict) and {"workload", "arm"} <= row.keys() for row in rows):
        raise ConfigError(f"{file}: a line is no cell", MEND)
    return rows


if __name__ == "__main__":
    main()
