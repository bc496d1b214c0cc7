"""Loop nests and machines as plain facts: what an expert or a language model reasons about."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

FMA_PER_CYCLE = 2.0
"""Vector multiply-adds a core can start: two on the CPUs of the last ten years."""


@dataclass(frozen=True)
class Axis:
    """One loop of a block before tiling.

    Attributes:
        name: TVM's name of its variable.
        extent: Iterations.
        reduction: Whether it sums over something.
    """

    name: str
    extent: int
    reduction: bool


@dataclass(frozen=True)
class Access:
    """How a block reads or writes one buffer.

    Attributes:
        buffer: Its name.
        item_bytes: Bytes of one element.
        shape: Elements per dimension.
        dims: For each dimension the coefficients of the block's axes in the index expression, in axis order;
            a convolution's `h * stride + rh` has two of them non-zero.
        write: True where the block writes it.
    """

    buffer: str
    item_bytes: int
    shape: tuple[int, ...]
    dims: tuple[tuple[int, ...], ...]
    write: bool = False

    def stride(self, axis: int) -> int:
        """Elements between two accesses one step of `axis` apart; 0 where the axis does not move it."""
        step, total = 1, 0
        for extent, coefficients in zip(reversed(self.shape), reversed(self.dims), strict=True):
            total += coefficients[axis] * step
            step *= extent
        return total


@dataclass(frozen=True)
class Block:
    """One block of a sketch as it stood when TVM sampled its first decision, or placed what it reads.

    Attributes:
        name: TVM's name of the block.
        axes: Its loops, outermost first.
        accesses: Its reads, then its writes.
        tiling: The tiling structure TVM annotated (`SSRSRS` on CPU); empty where it is not tiled.
        written_at: The level of the tiling, from the outside, in whose innermost loop its results are written back from
            a cache; -1 where they are not.
        functions: Exponentials and their like that one iteration computes.
        conditions: Values that one iteration picks by a condition on its indices, as padding does.
    """

    name: str
    axes: tuple[Axis, ...]
    accesses: tuple[Access, ...]
    tiling: str = ""
    functions: int = 0
    conditions: int = 0
    written_at: int = -1

    def __hash__(self) -> int:
        """Of little, for blocks are looked up often; comparing tells the rest."""
        return hash((self.name, self.tiling, self.written_at, len(self.axes), len(self.accesses)))

    @property
    def parallel_levels(self) -> int:
        """Levels of a CPU's tiling that can run in parallel: the leading spatial ones, while they hold nothing else.

        TVM joins loops into a parallel one as long as there is only another loop in each (`AdjustParallelVectorize` in
        src/s_tir/meta_schedule/postproc/rewrite_parallel_vectorize_unroll.cc): not beyond one that writes back.
        """
        leading = len(self.tiling) - len(self.tiling.lstrip("S"))
        return leading if self.written_at < 0 else min(leading, self.written_at + 1)

    @property
    def vector_axis(self) -> int:
        """Position of the axis that is vectorised where the block is tiled: the last spatial one."""
        return max(i for i, axis in enumerate(self.axes) if not axis.reduction)

    @property
    def levels(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """The loops after tiling, a level for each letter, outermost first: axis, and which of its factors."""
        found = []
        for place, letter in enumerate(self.tiling):
            factor = self.tiling[:place].count(letter)
            found.append(tuple((i, factor) for i, axis in enumerate(self.axes) if axis.reduction == (letter == "R")))
        return tuple(found)

    @property
    def iterations(self) -> int:
        """Of all its loops together."""
        return prod(max(1, axis.extent) for axis in self.axes)

    @property
    def writes(self) -> tuple[Access, ...]:
        """The accesses that write."""
        return tuple(access for access in self.accesses if access.write)

    @property
    def reads(self) -> tuple[Access, ...]:
        """The accesses that read."""
        return tuple(access for access in self.accesses if not access.write)

    def reads_of(self, producer: Block) -> tuple[Access, ...]:
        """How it reads what another block writes."""
        written = {access.buffer for access in producer.writes}
        return tuple(access for access in self.reads if access.buffer in written)


@dataclass(frozen=True)
class Machine:
    """The facts of a target that decide what a good loop nest is.

    Attributes:
        kind: TVM's target kind, `llvm` or `cuda`.
        cores: Cores a kernel runs on.
        vector_bytes: Bytes of one vector register.
        registers: Vector registers.
        l1_bytes: First-level data cache of one core.
        l2_bytes: Second-level cache of one core.
        l3_bytes: Last-level cache, shared.
        shared_bytes: Shared memory of one thread group (GPU).
        max_threads: Threads of one group (GPU).
        ghz: Highest clock of a core, nominal where that is not told; 0 where unknown.
    """

    kind: str = "llvm"
    cores: int = 1
    vector_bytes: int = 16
    registers: int = 16
    l1_bytes: int = 32 * 1024
    l2_bytes: int = 512 * 1024
    l3_bytes: int = 8 * 1024 * 1024
    shared_bytes: int = 48 * 1024
    max_threads: int = 1024
    ghz: float = 0.0

    @property
    def peak_gflops(self) -> float:
        """What the vector units do in float32 at that clock, two multiply-adds a cycle; 0 for no clock."""
        return self.cores * self.lanes(4) * FMA_PER_CYCLE * 2.0 * self.ghz

    def busy(self, tasks: Any) -> Any:
        """Cores that so many equal pieces of work keep busy, on average; of many numbers an array."""
        return tasks / -(-tasks // self.cores)

    def lanes(self, item_bytes: int) -> int:
        """Elements of that size in one vector register."""
        return max(1, self.vector_bytes // max(1, item_bytes))
