"""The expert's rule for compute locations: how often a producer would run at each, and what storing its result costs.

Every repetition costs the producer's work again; what is not inlined is stored and loaded besides. The consumer's loops
inside the one that it is placed in are not run in parallel, for they are not alone there.
"""

from __future__ import annotations

from math import prod

from tvm_litecoop.nest import Block, Machine
from tvm_litecoop.sites import INLINE, ROOT, Location, Site, Value
from tvm_litecoop.view import Sketch

STORED = 1.0  # what storing and loading a result costs, against a few arithmetic operations
FUNCTION = 8.0  # what an exponential and its like costs, against these
CONDITION = 1.0  # what padding costs by its condition, where no unrolled loop decides it
SHARPNESS = 3.0  # the weight of a location falls with its cost to this power


def weights(site: Site, domain: Location, sketch: Sketch, machine: Machine) -> dict[Value, float]:
    """By the number of times the producer would run at each location, and the cores that would be busy."""
    producer = sketch.block(site.block)
    consumers = sketch.consumers(site)
    if producer is None or not consumers:
        return dict.fromkeys(domain, 1.0)
    once = 1.0 + FUNCTION * producer.functions
    stored = STORED + CONDITION * producer.conditions
    kept, busy = _axes_kept(producer, consumers[0]), machine.busy(_tasks(consumers[0], sketch))
    cost: dict[Value, float] = {}
    repeats = tasks = 1
    for index, label in zip(domain.indices, domain.labels, strict=True):
        if index == INLINE:
            cost[index] = once * sum(_inline_repeats(producer, consumer) for consumer in consumers)
        elif index == ROOT:
            cost[index] = once + stored
        else:
            axis, level, extent = _loop(label, consumers[0], sketch)
            repeats *= 1 if axis in kept else extent
            tasks *= extent if _parallel(axis, level, consumers[0]) else 1
            idle = busy / machine.busy(tasks) if machine.kind == "llvm" else 1.0
            cost[index] = (once * repeats + stored) * idle
    return {index: one**-SHARPNESS for index, one in cost.items()}


def _inline_repeats(producer: Block, consumer: Block) -> int:
    """How often each element of the producer is computed when it is inlined into one consumer.

    No more often than the consumer reads on average: strides say nothing of indices like `i // 2`.
    """
    kept = _axes_kept(producer, consumer)
    reads = max(1, len(consumer.reads_of(producer))) * consumer.iterations
    repeats = prod(max(1, axis.extent) for i, axis in enumerate(consumer.axes) if i not in kept)
    return min(repeats, max(1, reads // producer.iterations))


def _loop(label: str, consumer: Block, sketch: Sketch) -> tuple[int, int, int]:
    """The consumer's loop of that name, `axis` or `axis_level`: axis, level, extent; an unknown one as of no axis."""
    names, tiles = [axis.name for axis in consumer.axes], sketch.tiles(consumer.name)
    whole = label in names and names.index(label) not in tiles
    name, _, text = (label, "", "0") if whole else label.rpartition("_")
    axis, level = names.index(name) if name in names else -1, int(text) if text.isdigit() else -1
    tile = tiles.get(axis, (consumer.axes[axis].extent,))
    return (axis, level, max(1, tile[level])) if min(axis, level) >= 0 and level < len(tile) else (-1, -1, 1)


def _tasks(consumer: Block, sketch: Sketch) -> int:
    """Pieces that the consumer is run in, in parallel."""
    tiles = sketch.tiles(consumer.name)
    parts = ((axis, tiles.get(axis, (consumer.axes[axis].extent,))) for axis in range(len(consumer.axes)))
    loops = ((axis, level, extent) for axis, tile in parts for level, extent in enumerate(tile))
    return prod(max(1, extent) for axis, level, extent in loops if _parallel(axis, level, consumer))


def _parallel(axis: int, level: int, consumer: Block) -> bool:
    """Whether a loop can run in parallel as long as nothing is placed in it."""
    return level < (consumer.parallel_levels if consumer.tiling else 1) and not consumer.axes[axis].reduction


def _axes_kept(producer: Block, consumer: Block) -> set[int]:
    """Axes of the consumer along which each element of the producer is used once."""
    uses = consumer.reads_of(producer)
    if not uses and producer.name == f"{consumer.name}_rf":  # the consumer was read before its reduction was factored
        return set(range(len(consumer.axes)))
    return {i for i in range(len(consumer.axes)) if any(access.stride(i) for access in uses)}
