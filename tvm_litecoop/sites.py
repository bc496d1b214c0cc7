"""Decision sites: one sampling instruction of a trace, its present value and what it may become. Owns their domains.

A site is plain data. `tvm_bridge` reads sites from a trace; members pick values from them; nobody here knows TVM.
The three domains mirror TVM's four sampling instructions (src/s_tir/schedule/primitive/sampling.cc):
`SamplePerfectTile` and `SamplePartitionedTile` are tiles, `SampleCategorical` is a choice,
`SampleComputeLocation` is a location.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

Value: TypeAlias = "tuple[int, ...] | int"
"""A decision as TVM stores it: tile factors outermost first, or an index."""


@lru_cache(maxsize=4096)
def factors(extent: int) -> tuple[int, ...]:
    """All divisors of `extent`, ascending."""
    small = [i for i in range(1, int(extent**0.5) + 1) if extent % i == 0]
    return tuple(sorted({*small, *(extent // i for i in small)}))


@dataclass(frozen=True)
class Tile:
    """Perfect tilings of one loop: `parts` factors, outermost first, whose product is `extent`.

    Attributes:
        extent: Iterations of the loop.
        parts: Number of factors.
        max_innermost: Largest innermost factor; 0 where there is no limit.
        split_at: First position of the inner part of a partitioned tile; 0 for a perfect tile.
        inner_multiple: The product of the factors from `split_at` on is a multiple of this; 1 for a perfect tile.
    """

    extent: int
    parts: int
    max_innermost: int = 0
    split_at: int = 0
    inner_multiple: int = 1

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, tuple) or len(value) != self.parts or any(f < 1 for f in value):
            return False
        return math.prod(value) == self.extent and self._fits(value)

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return (value for value in _tilings(self.extent, self.parts) if self._fits(value))

    @property
    def legal(self) -> tuple[tuple[int, ...], ...]:
        """All legal tilings, outermost factor rising."""
        return _legal(self)

    def _fits(self, value: tuple[int, ...]) -> bool:
        if self.max_innermost and value[-1] > self.max_innermost:
            return False
        return math.prod(value[self.split_at :]) % self.inner_multiple == 0


@dataclass(frozen=True)
class Choice:
    """One of a list of numbers; the value is the index into it, as TVM stores it.

    Attributes:
        options: The numbers.
    """

    options: tuple[int, ...]

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and 0 <= value < len(self.options)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.options)))


INLINE, ROOT = -2, -1
"""TVM's marks for a compute location that is no loop (CollectComputeLocation in src/s_tir/schedule/analysis)."""


@dataclass(frozen=True)
class Location:
    """Where a block may be computed: `INLINE`, `ROOT`, or the index of a loop of its consumer.

    The legal indices hold for the program they were read from: other tilings of the consumer have other loops.

    Attributes:
        indices: Legal values.
        labels: Each of them in words.
    """

    indices: tuple[int, ...]
    labels: tuple[str, ...]

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and value in self.indices

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)


Domain: TypeAlias = "Tile | Choice | Location"


@dataclass(frozen=True)
class Site:
    """One decision of a program.

    Attributes:
        name: Unique in its sketch and stable over programs: `matmul.i`, `unroll`, `exp.at`.
        domain: What it may become.
        value: What it is now.
        block: The block it shapes; empty where it is the whole program's.
        axis: Position of the tiled loop in the nest of its block; -1 where the site is no tile.
        consumers: The blocks that read what a located block computes; the loops named are the first one's.
        position: Which decision of the program it is.
    """

    name: str
    domain: Domain
    value: Value
    block: str = ""
    axis: int = -1
    consumers: tuple[str, ...] = ()
    position: int = field(kw_only=True)


@lru_cache(maxsize=1024)
def _tilings(extent: int, parts: int) -> tuple[tuple[int, ...], ...]:
    if parts == 1:
        return ((extent,),)
    return tuple((f, *rest) for f in factors(extent) for rest in _tilings(extent // f, parts - 1))


@lru_cache(maxsize=1024)
def _legal(tile: Tile) -> tuple[tuple[int, ...], ...]:
    return tuple(tile)
