"""Which cells a benchmark has: every workload x arm x seed, arms next to each other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litecoop_bench.arms import ARMS
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.tuning.request import Request

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


Rows = Mapping[tuple[str, str, int], Mapping[str, Any]]
"""(workload, arm, seed) -> the outcome of that cell, as in `cells.jsonl`."""


@dataclass(frozen=True)
class Cell:
    """One search on one workload with one seed."""

    workload: str
    arm: str
    trials: int
    seed: int

    @property
    def name(self) -> str:
        """A file name for the cell."""
        workload = "".join(c if c.isalnum() else "-" for c in self.workload)
        return f"{workload}.{self.arm}.{self.trials}.{self.seed}"

    def request(self, folder: Path) -> Request:
        """What the cell runs; it always starts over, because a resumed search is not comparable."""
        return Request(
            self.workload,
            trials=self.trials,
            seed=self.seed,
            work_dir=str(folder / self.name),
            fresh=True,
            **ARMS[self.arm].changes,
        )


@dataclass(frozen=True)
class Grid:
    """A benchmark: its baseline arm comes first."""

    workloads: tuple[str, ...]
    arms: tuple[str, ...]
    trials: int
    seeds: tuple[int, ...]

    def cells(self) -> list[Cell]:
        """Interleaved: the arms of one workload and seed run right after each other."""
        return [
            Cell(workload, arm, self.trials, seed)
            for seed in self.seeds
            for workload in self.workloads
            for arm in self.arms
        ]


def load(file: Path) -> Grid:
    """Read a grid.

    Raises:
        ConfigError: One line that names the file, the key and the valid choices.
    """
    try:
        raw = tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", "name a grid, for example grids/smoke.toml") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}", "see grids/smoke.toml for an example") from None
    keys = ("workloads", "arms", "trials", "seeds")
    for key in keys:
        if key not in raw:
            raise ConfigError(f"{file}: {key} is missing", f"a grid has {', '.join(keys)}")
    unknown = [arm for arm in raw["arms"] if arm not in ARMS]
    if unknown:
        raise ConfigError(f"{file}: unknown arm {unknown[0]!r}", f"choose from {', '.join(ARMS)}")
    return Grid(tuple(raw["workloads"]), tuple(raw["arms"]), int(raw["trials"]), tuple(raw["seeds"]))
