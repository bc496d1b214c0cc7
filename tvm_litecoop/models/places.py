"""The expert's rule for compute locations: how often a producer would run at each, and what storing its result costs.

Every repetition costs the producer's work again; what is not inlined is stored and loaded besides. The consumer's loops
inside the one that it is placed in are not run in parallel, for they are not alone there. Which loops a consumer has
hangs on its own place in the program at hand: those of its consumer up to there, and then its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from math import prod

from tvm_litecoop.nest import Block, Machine
from tvm_litecoop.sites import INLINE, ROOT, Location, Site, Value
from tvm_litecoop.view import Sketch

STORED = 1.0  # what storing and loading a result costs, against a few arithmetic operations
FUNCTION = 8.0  # what an exponential and its like costs, against these
CONDITION = 1.0  # what padding costs by its condition, where no unrolled loop decides it
SHARPNESS = 3.0  # the weight of a location falls with its cost to this power


@dataclass(frozen=True)
class _Loop:
    """A loop of a program: an axis of a block, or one of the parts that it is tiled in, outermost first."""

    block: Block
    axis: int
    part: int
    extent: int


def weights(site: Site, domain: Location, sketch: Sketch, machine: Machine) -> dict[Value, float]:
    """By the number of times the producer would run at each location, and the cores that would be busy.

    0 for a loop that is not there in this program, or has one step: TVM would take one outside it.
    """
    producer, readers = sketch.block(site.block), _readers(site, sketch)
    if producer is None or not readers:
        return dict.fromkeys(domain, 1.0)
    once = 1.0 + FUNCTION * producer.functions
    stored = STORED + CONDITION * producer.conditions
    inlined = once * sum(_inline_repeats(producer, consumer) for consumer in sketch.consumers(site))
    cost = {INLINE: inlined, ROOT: once + stored}
    loops = _shared([_nest(reader, sketch) for reader in readers])
    outermost = loops[0].block if loops else readers[0]
    busy = machine.busy(prod(loop.extent for loop in _nest(outermost, sketch) if _parallel(loop, outermost)))
    repeats = tasks = 1
    for index, loop in enumerate(loops):
        moved = any(axis == loop.axis for axis, _ in _moved(producer, loop.block, sketch.blocks))
        repeats *= 1 if moved else loop.extent
        tasks *= loop.extent if _parallel(loop, outermost) else 1
        if loop.extent > 1:
            idle = busy / machine.busy(tasks) if machine.kind == "llvm" else 1.0
            cost[index] = (once * repeats + stored) * idle
    return {index: cost[index] ** -SHARPNESS if index in cost else 0.0 for index in domain}


def _inline_repeats(producer: Block, consumer: Block) -> int:
    """How often each element of the producer is computed when it is inlined into one consumer.

    No more often than the consumer reads on average: strides say nothing of indices like `i // 2`.
    """
    kept = {axis for axis, _ in _moved(producer, consumer, ())}
    reads = max(1, len(consumer.reads_of(producer))) * consumer.iterations
    repeats = prod(max(1, axis.extent) for i, axis in enumerate(consumer.axes) if i not in kept)
    return min(repeats, max(1, reads // producer.iterations))


def _parallel(loop: _Loop, outermost: Block) -> bool:
    """Whether a loop can run in parallel as long as nothing is placed in it."""
    levels = outermost.parallel_levels if outermost.tiling else 1
    return loop.block == outermost and loop.part < levels and not outermost.axes[loop.axis].reduction


# ---- the loops of a program ------------------------------------------------------------------------------------------


def _place(block: Block, sketch: Sketch) -> Site | None:
    """Where a block is computed; None where there is no choice."""
    return next((s for s in sketch.sites if s.block == block.name and isinstance(s.domain, Location)), None)


def _readers(site: Site, sketch: Sketch) -> list[Block]:
    """What reads the results of a placed block in this program: in the place of an inlined block what reads that."""
    found: list[Block] = []
    for consumer in sketch.consumers(site):
        place = _place(consumer, sketch)
        found += [consumer] if place is None or place.value != INLINE else _readers(place, sketch)
    return list(dict.fromkeys(found))


def _nest(block: Block, sketch: Sketch) -> list[_Loop]:
    """The loops that a block is in, outermost first: of what reads it, up to its place there, and then its own.

    Of what is not tiled none behind the last that does not reduce, for TVM places nothing there. Where a factored sum
    is placed, the one over its partial results is the first of its own.
    """
    place = _place(block, sketch)
    around: list[_Loop] = []
    if place is not None and isinstance(place.value, int) and place.value > ROOT:
        around = _shared([_nest(reader, sketch) for reader in _readers(place, sketch)])[: place.value + 1]
    tiles = sketch.tiles(block.name)
    if not block.tiling:
        if around and (factored := sketch.block(f"{block.name}_rf")) is not None:
            return around + [_Loop(block, axis, 0, _summed(tile, factored)) for axis, tile in tiles.items()]
        axes = range(1 + max((i for i, axis in enumerate(block.axes) if not axis.reduction), default=-1))
        return around + [_Loop(block, axis, 0, _left(block, axis, around, sketch)) for axis in axes]
    order = [part for level in block.levels for part in level]
    return around + [_Loop(block, axis, part, tiles[axis][part] if axis in tiles else 1) for axis, part in order]


def _left(block: Block, axis: int, around: Sequence[_Loop], sketch: Sketch) -> int:
    """What the loops around a block leave of one of its axes."""
    done = prod(loop.extent for loop in around if (loop.axis, axis) in _moved(block, loop.block, sketch.blocks))
    return max(1, block.axes[axis].extent // done)


def _shared(nests: Sequence[Sequence[_Loop]]) -> list[_Loop]:
    """The loops that blocks share, as far as TVM places others there.

    None behind one that reduces but does not itself, and none that reduces where the blocks part
    (CollectComputeLocation in src/s_tir/schedule/analysis/analysis.cc).
    """
    same = [loops[0] for loops in takewhile(lambda some: some.count(some[0]) == len(some), zip(*nests, strict=False))]
    found: list[_Loop] = []
    reduces = False
    for loop in same:
        reduction = loop.block.axes[loop.axis].reduction
        if reduces and loop.extent > 1 and not reduction:
            break
        reduces |= reduction and loop.extent > 1
        found.append(loop)
    while len(nests) > 1 and found and found[-1].block.axes[found[-1].axis].reduction:
        found.pop()
    return found


def _summed(tile: tuple[int, ...], factored: Block) -> int:
    """How many partial results a factored sum adds: of the two parts of its loop the one that they do not reduce."""
    return prod(extent for extent, axis in zip(tile, factored.axes[-len(tile) :], strict=True) if not axis.reduction)


@lru_cache(maxsize=1024)
def _moved(producer: Block, reader: Block, between: tuple[Block, ...]) -> frozenset[tuple[int, int]]:
    """Which axes of a reader lead to other elements of a producer, and along which axes of that.

    Args:
        producer: What computes them.
        reader: What reads them, or what others made of them.
        between: Those others may be among these.
    """
    if producer.name == f"{reader.name}_rf":  # the reader was read before its reduction was factored
        return frozenset((axis, axis) for axis in range(len(reader.axes)))
    found = {
        (step, axis)
        for write in producer.writes
        for read in reader.reads_of(producer)
        if read.buffer == write.buffer and len(read.dims) == len(write.dims)  # names may occur twice
        for index, written in zip(read.dims, write.dims, strict=True)
        for step, moves in enumerate(index)
        for axis, writes in enumerate(written)
        if moves and writes
    }
    others = tuple(one for one in between if one not in (producer, reader))
    for one in others:
        direct = _moved(one, reader, ())
        if direct:
            inner = _moved(producer, one, others)
            found |= {(step, axis) for step, middle in direct for through, axis in inner if through == middle}
    return frozenset(found)
