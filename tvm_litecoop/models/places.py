"""The expert's rule for compute locations: how often a producer would run at each, and what storing its result costs.

Every repetition costs the producer's work again; what is not inlined is stored and loaded besides.
"""

from __future__ import annotations

from math import prod

from tvm_litecoop.nest import Block
from tvm_litecoop.sites import INLINE, ROOT, Location, Site, Value
from tvm_litecoop.view import Sketch

STORED = 1.0  # what storing and loading a result costs, against a few arithmetic operations
FUNCTION = 8.0  # what an exponential and its like costs, against these
CONDITION = 1.0  # what padding costs by its condition, where no unrolled loop decides it
SHARPNESS = 3.0  # the weight of a location falls with its cost to this power


def weights(site: Site, domain: Location, sketch: Sketch) -> dict[Value, float]:
    """By the number of times the producer would run at each location."""
    producer = sketch.block(site.block)
    consumers = sketch.consumers(site)
    if producer is None or not consumers:
        return dict.fromkeys(domain, 1.0)
    once = 1.0 + FUNCTION * producer.functions
    stored = STORED + CONDITION * producer.conditions
    cost: dict[Value, float] = {}
    repeats = 1
    for index, label in zip(domain.indices, domain.labels, strict=True):
        if index == INLINE:
            cost[index] = once * sum(_inline_repeats(producer, consumer) for consumer in consumers)
        elif index == ROOT:
            cost[index] = once + stored
        else:
            repeats *= _loop_repeats(label, producer, consumers[0], sketch)
            cost[index] = once * repeats + stored
    return {index: one**-SHARPNESS for index, one in cost.items()}


def _inline_repeats(producer: Block, consumer: Block) -> int:
    """How often each element of the producer is computed when it is inlined into one consumer.

    No more often than the consumer reads on average: strides say nothing of indices like `i // 2`.
    """
    kept = _axes_kept(producer, consumer)
    reads = max(1, len(consumer.reads_of(producer))) * consumer.iterations
    repeats = prod(max(1, axis.extent) for i, axis in enumerate(consumer.axes) if i not in kept)
    return min(repeats, max(1, reads // producer.iterations))


def _loop_repeats(label: str, producer: Block, consumer: Block, sketch: Sketch) -> int:
    """Extent of the consumer's loop `axis`, or `axis_level`, where it does not move the producer's elements, else 1."""
    names, tiles = [axis.name for axis in consumer.axes], sketch.tiles(consumer.name)
    whole = label in names and names.index(label) not in tiles
    name, _, level = (label, "", "0") if whole else label.rpartition("_")
    if name not in names or not level.isdigit() or names.index(name) in _axes_kept(producer, consumer):
        return 1
    axis = names.index(name)
    tile = tiles.get(axis, (consumer.axes[axis].extent,))
    return max(1, tile[int(level)]) if int(level) < len(tile) else 1


def _axes_kept(producer: Block, consumer: Block) -> set[int]:
    """Axes of the consumer along which each element of the producer is used once."""
    uses = consumer.reads_of(producer)
    if not uses and producer.name == f"{consumer.name}_rf":  # the consumer was read before its reduction was factored
        return set(range(len(consumer.axes)))
    return {i for i in range(len(consumer.axes)) if any(access.stride(i) for access in uses)}
