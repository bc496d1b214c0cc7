"""Programs as points for a regression: tile sizes on a logarithmic scale, choices and places by rank.

A tile counts by the extents inside each of its levels, because these decide what fits a register, a cache, a core.
Two programs of different design spaces share the coordinates of sites with the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from tvm_litecoop.models import rules
from tvm_litecoop.models.gaussian import Array
from tvm_litecoop.nest import Machine
from tvm_litecoop.values import Program
from tvm_litecoop.view import Sketch


class Points:
    """Many programs of one task.

    Args:
        programs: The programs.
        sketches: Every design space of the task; only those of the programs are looked at.
        machine: The target.

    Attributes:
        columns: Coordinate -> its value for every program, 0 where a program has no such site.
        expected: Log2 of the speed that the rules expect of the tiled nests, up to a constant; shape [n].
    """

    def __init__(self, programs: Sequence[Program], sketches: Sequence[Sketch], machine: Machine) -> None:
        self.columns: dict[str, Array] = {}
        self.expected = np.zeros(len(programs))
        self._count = len(programs)
        groups: dict[int, list[int]] = {}
        for row, program in enumerate(programs):
            groups.setdefault(program.sketch, []).append(row)
        for index, rows in groups.items():
            self._column(f"sketch {index}")[rows] = 1.0
            self._add(sketches[index], [programs[row] for row in rows], rows, machine)

    def matrix(self, names: Sequence[str]) -> Array:
        """The coordinates of that name, shape [n, len(names)]."""
        empty = np.zeros(self._count)
        return np.stack([self.columns.get(name, empty) for name in names], axis=1)

    def _add(self, sketch: Sketch, programs: Sequence[Program], rows: list[int], machine: Machine) -> None:
        importance = rules.importance(sketch)
        factors: dict[tuple[str, int], npt.NDArray[np.int64]] = {}
        for site in sketch.sites:
            values = np.array([program.decisions[site.position] for program in programs], dtype=np.int64)
            weight = sqrt(importance[site.name])
            if values.ndim == 1:
                self._column(site.name)[rows] = weight * values
                continue
            factors[site.block, site.axis] = values
            inside = np.cumsum(np.log2(values[:, :0:-1]), axis=1)
            for level, extents in enumerate(inside.T):
                self._column(f"{site.name} {level}")[rows] = weight * extents
        cost = sum((rules.estimate(block, machine, factors, len(rows)) for block in sketch.blocks), np.zeros(len(rows)))
        self.expected[rows] = -np.log2(np.maximum(1.0, cost))

    def _column(self, name: str) -> Array:
        return self.columns.setdefault(name, np.zeros(self._count))
