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


KEYS = {"workloads": str, "arms": str, "trials": int, "seeds": int}
"""Of a grid, and what each is, or each of its list."""

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


def load(file: Path, instead: Mapping[str, Any] | None = None) -> Grid:
    """Read a grid.

    Args:
        file: The grid.
        instead: What takes the place of its keys.

    Raises:
        ConfigError: One line that names the file, the key and the valid choices.
    """
    try:
        raw = tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", "name a grid, for example grids/smoke.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}", "see grids/smoke.toml for an example") from None
    raw = {**raw, **(instead or {})}
    for key in {**KEYS, **raw}:
        if key not in raw or key not in KEYS:
            wrong = "is unknown" if key in raw else "is missing"
            raise ConfigError(f"{file}: {key} {wrong}", f"a grid has {', '.join(KEYS)}")
    for key, kind in KEYS.items():
        _check(file, key, raw[key], kind)
    unknown = [arm for arm in raw["arms"] if arm not in ARMS]
    if unknown:
        raise ConfigError(f"{file}: unknown arm {unknown[0]!r}", f"choose from {', '.join(ARMS)}")
    return Grid(tuple(raw["workloads"]), tuple(raw["arms"]), raw["trials"], tuple(raw["seeds"]))


def _check(file: Path, key: str, value: Any, kind: type) -> None:
    """Refuse a value of another type, an empty list, trials that are none, seeds that TVM cannot have, repetitions."""
    if key == "trials":
        wanted, right = "a number from 1", type(value) is int and value > 0
    else:
        wanted = "a list of names" if kind is str else "a list of whole numbers"
        right = isinstance(value, list) and bool(value) and all(type(one) is kind for one in value)
    if right and key == "seeds":
        wanted, right = "a list of numbers from 1 to 2147483647", all(0 < one < 2**31 for one in value)
    if right and isinstance(value, list) and len(set(value)) < len(value):
        wanted, right = f"{wanted} that are all different", False
    if not right:
        raise ConfigError(f"{file}: {key} is {value!r}, not {wanted}", "see grids/smoke.toml for an example")
