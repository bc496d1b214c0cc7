"""The expert's arithmetic: an estimate of the cycles one tiled loop nest takes, from its accesses and the caches.

A roofline in a few terms, each for one reason; it is meant to rank tilings of one nest on one machine, not to predict
seconds. All terms are computed for many tilings at once (arrays of shape [n]).

The tiling structure names the loops from the outside: `SSRSRS` is two spatial levels, a reduction level, a spatial,
a reduction and a spatial level (MultiLevelTiling in src/s_tir/meta_schedule/schedule_rule/multi_level_tiling.cc).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tvm_litecoop.nest import FMA_PER_CYCLE, Access, Block, Machine

Array = npt.NDArray[np.float64]

FMA_LATENCY = 4.0  # cycles until an accumulator can be used again
LOADS_PER_CYCLE = 1.0  # beside two multiply-adds; what processors are said to do is twice that
BYTES_PER_CYCLE = (64.0, 24.0, 8.0)  # from L2, from L3, from memory, for one core
OVERLAP = 4  # norm by which arithmetic and transfers add up; 1 would be one after the other
USABLE = 0.75  # share of a cache that a working set can count on
SPILL = 2.0  # a spilled accumulator also stalls what waits for it
UNROLLED = 64  # statements that are unrolled, and then as good as one innermost tile
INTERLEAVED = 4  # vectors that LLVM has on the way where it vectorises a loop by itself
SPARE_REGISTERS = 6  # for operands and addresses beside the accumulators


def cycles(block: Block, machine: Machine, factors: Sequence[npt.NDArray[np.int64]]) -> Array:
    """Estimated cycles of the nest, all cores working.

    Args:
        block: The nest; `block.tiling` must be set.
        machine: The target.
        factors: For each axis of the block the tile factors, shape [n, parts], outermost first.

    Returns:
        Shape [n]; only ratios within one call mean anything.
    """
    tiles = _tiles(block, factors)
    points = float(np.prod([axis.extent for axis in block.axes]))
    touched = [_touched(block, inside) for inside in tiles]
    visits = [points / _size(block, inside) for inside in tiles]
    terms = [points * _point(block, machine, tiles)]
    for cache, rate in zip((machine.l1_bytes, machine.l2_bytes, machine.l3_bytes), BYTES_PER_CYCLE, strict=True):
        terms.append(_traffic(touched, visits, cache * USABLE) / rate)
    return _overlapped(terms) / _parallel(block, machine, factors)


def _overlapped(terms: Sequence[Array]) -> Array:
    """What arithmetic and transfers take together: little more than the longest of them, where that is much longer."""
    return np.asarray(np.linalg.norm(np.stack(terms), OVERLAP, axis=0))


def _tiles(block: Block, factors: Sequence[npt.NDArray[np.int64]]) -> list[list[Array]]:
    """Extents of every axis inside each level, from the whole nest (position 0) to a single point (the last)."""
    inside = [np.ones(len(factors[0]))] * len(block.axes)
    found = [list(inside)]
    for level in reversed(block.levels):
        for axis, factor in level:
            inside[axis] = inside[axis] * factors[axis][:, factor]
        found.insert(0, list(inside))
    return found


def _point(block: Block, machine: Machine, tiles: list[list[Array]]) -> Array:
    """Cycles of one point of the nest, in registers: what is accumulated there is the innermost tile, or a larger one.

    It is as large as the tile of the spatial level around it where that level adds nothing, or is unrolled. Then it
    also stays in registers over both reduction levels. Where the innermost tile has one point of the vectorised axis
    and is unrolled, LLVM makes vectors of the loop around it.
    """
    _, _, both, middle, reduced, inner, _ = tiles
    vector = block.vector_axis
    step = _in_registers(block, machine, inner, inner, reduced)
    added = _size(block, middle, spatial_only=True) / _size(block, inner, spatial_only=True)
    merged = (added == 1) | (added * _size(block, reduced) / inner[vector] <= UNROLLED)
    step = np.where(merged, np.minimum(step, _in_registers(block, machine, inner, middle, both)), step)
    if block.writes[0].stride(vector) != 1:
        return step
    lanes = machine.lanes(block.writes[0].item_bytes)
    wide = {vector: np.minimum(middle[vector], INTERLEAVED * lanes)}
    widened, around = ([wide.get(axis, extent) for axis, extent in enumerate(tile)] for tile in (inner, reduced))
    looped = (inner[vector] == 1) & (_size(block, reduced) <= UNROLLED)
    return np.where(looped, np.minimum(step, _in_registers(block, machine, widened, widened, around)), step)


def _in_registers(block: Block, machine: Machine, inner: list[Array], kept: list[Array], reduced: list[Array]) -> Array:
    """Cycles of one point where a tile is kept in registers.

    Args:
        block: The nest.
        machine: The target.
        inner: The innermost tile, which is vectorised.
        kept: The tile whose accumulators are kept.
        reduced: The tile over whose reduction axes they are kept.
    """
    vector = block.vector_axis
    write = block.writes[0]
    width = inner[vector] if write.stride(vector) == 1 else np.ones_like(inner[vector])
    along = vectors(width, machine.lanes(write.item_bytes)) * kept[vector] / width
    points = _size(block, kept, spatial_only=True)
    accumulators = points / kept[vector] * along
    arithmetic = np.maximum(accumulators / FMA_PER_CYCLE, FMA_LATENCY)
    loads = sum((_loads(block, read, kept, along) for read in block.reads), np.zeros_like(along))
    spilled = np.maximum(0.0, accumulators - (machine.registers - SPARE_REGISTERS))
    # accumulators are loaded and stored once per reduction, spilled ones at every step of it
    steps = np.maximum(1.0, _size(block, reduced) / _size(block, reduced, spatial_only=True))
    reload = 2.0 * (accumulators / steps + SPILL * spilled)
    return np.asarray(np.maximum(arithmetic, (loads + reload) / LOADS_PER_CYCLE) / points)


def vectors(width: Array, lanes: int) -> Array:
    """Instructions for so many elements side by side.

    Less than a vector costs a whole one where it is a power of two. LLVM takes 40 or 56 lanes apart, one by one: such
    kernels took two to ten times as long as those with whole vectors.
    """
    whole, rest = np.divmod(width, lanes)
    even = (whole == 0) & (np.exp2(np.floor(np.log2(np.maximum(rest, 1)))) == rest)
    return np.asarray(whole + np.where(even, np.minimum(rest, 1), rest))


def _loads(block: Block, read: Access, kept: list[Array], along: Array) -> Array:
    """Load instructions for one read: whole vectors where it is contiguous, one by one where it is strided."""
    vector = block.vector_axis
    count = np.ones_like(along)
    for position, axis in enumerate(block.axes):
        if not axis.reduction and position != vector and read.stride(position):
            count = count * kept[position]
    stride = abs(read.stride(vector))
    if stride == 0:
        return count
    return count * (along if stride == 1 else kept[vector])


def _touched(block: Block, inside: list[Array]) -> Array:
    """Bytes that one visit of a tile touches."""
    return sum((footprint(access, inside) for access in block.accesses), np.zeros_like(inside[0]))


def _traffic(touched: Sequence[Array], visits: Sequence[Array], capacity: float) -> Array:
    """Bytes that cross into a cache: the largest tile that fits is brought in once per visit of it."""
    traffic = np.zeros_like(touched[0])
    undecided = np.ones_like(traffic, dtype=bool)
    for size, times in zip(touched, visits, strict=True):
        fits = undecided & (size <= capacity)
        traffic = np.where(fits, size * times, traffic)
        undecided &= ~fits
    return traffic


def footprint(access: Access, inside: list[Array]) -> Array:
    """Bytes of one buffer that each of many tiles touches (`inside`: extents per axis, shape [n] each)."""
    size = np.full_like(inside[0], float(access.item_bytes))
    for extent, coefficients in zip(access.shape, access.dims, strict=True):
        span = sum((abs(c) * (tile - 1) for c, tile in zip(coefficients, inside, strict=True) if c), np.zeros(1)) + 1
        size = size * np.minimum(extent, span)
    return size


def _parallel(block: Block, machine: Machine, factors: Sequence[npt.NDArray[np.int64]]) -> Array:
    """Cores kept busy: TVM runs the loops of the leading levels in parallel, in equal chunks."""
    tasks = np.ones(len(factors[0]))
    for axis, tile in zip(block.axes, factors, strict=True):
        if not axis.reduction:
            tasks = tasks * np.prod(tile[:, : block.parallel_levels], axis=1)
    return np.asarray(machine.busy(tasks))


def _size(block: Block, inside: list[Array], *, spatial_only: bool = False) -> Array:
    """Iterations of a tile."""
    size = np.ones_like(inside[0])
    for axis, extent in zip(block.axes, inside, strict=True):
        if not (spatial_only and axis.reduction):
            size = size * extent
    return size
