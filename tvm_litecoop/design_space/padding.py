"""Extents without factors, padded: a prime loop can be tiled as 1 or as a whole, and neither fills registers.

The operands are copied into larger arrays, with zeros around them, and the results are cut out at the end. That pays
where a contraction does much more work than the copies.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

from tvm.s_tir.schedule import Schedule, ScheduleError

from tvm_litecoop.design_space.contraction import REUSED, blocks_of, is_contraction, reuse, vector_axis
from tvm_litecoop.nest import Axis, Block, Machine
from tvm_litecoop.tvm_bridge.nests import bindings_of, buffer_of

TILES = range(4, 17)
"""An extent with a divisor among these can be tiled for registers and caches."""
MULTIPLE = 8
"""Another one is padded to a multiple of this."""
MOST_WORK = 1.25
"""Times the work, over which padding is not worth it."""


def pad(schedule: Any, machine: Machine, left: Collection[str]) -> None:
    """Pad the contractions of a schedule that need it.

    Args:
        schedule: Changed in place: blocks for the copies are added.
        machine: Says how many lanes a vector has.
        left: Operands to be left as they are.
    """
    for name, block in blocks_of(schedule.mod).items():
        multiples = _multiples(block, machine) if _worth_copies(block, left) and _goes_over_all(block) else [1]
        if max(multiples) > 1 and _sums_products(schedule.mod, name):
            try:
                schedule.pad_einsum(name, multiples)
            except (ScheduleError, RuntimeError, ValueError):  # an index that is more than one loop, as of convolutions
                continue


def _worth_copies(block: Block, left: Collection[str]) -> bool:
    """Whether a contraction uses every element of its operands, and adds to every one of its results, often enough."""
    if not is_contraction(block) or any(read.buffer in left for read in block.reads):
        return False
    sums = prod(axis.extent for axis in block.axes if axis.reduction)
    own = [read for read in block.reads if read.buffer != block.writes[0].buffer]
    return sums >= REUSED and all(reuse(block, read) >= REUSED for read in own)


def _goes_over_all(block: Block) -> bool:
    """Whether axes go over the whole of what they index: TVM's copies have zeros beyond a buffer, not beyond a loop."""
    for access in block.accesses:
        for extent, coefficients in zip(access.shape, access.dims, strict=True):
            moved = [(axis.extent, n) for axis, n in zip(block.axes, coefficients, strict=True) if n]
            if moved != [(extent, 1)] and (moved or extent > 1):
                return False
    return True


def _multiples(block: Block, machine: Machine) -> list[int]:
    """What the extent of each axis shall be a multiple of; all 1 where nothing is to be done."""
    vector, lanes = vector_axis(block), machine.lanes(block.writes[0].item_bytes)
    found = [_multiple(axis, lanes if number == vector else 0) for number, axis in enumerate(block.axes)]
    work = prod(-(-axis.extent // n) * n / max(1, axis.extent) for axis, n in zip(block.axes, found, strict=True))
    return found if work <= MOST_WORK else [1]


def _multiple(axis: Axis, lanes: int) -> int:
    if lanes and axis.extent > lanes:
        return lanes if axis.extent % lanes else 1
    if axis.extent <= max(TILES) or any(axis.extent % factor == 0 for factor in TILES):
        return 1
    return MULTIPLE


def _sums_products(mod: Any, name: str) -> bool:
    """Whether zeros among a block's operands add nothing: `c += a * b`, casts allowed, iterators in loop order."""
    schedule = Schedule(mod)  # of its own: asking a schedule adds to its trace
    rv = schedule.get_sblock(name)
    block, loops = schedule.get(rv), [schedule.get(loop) for loop in schedule.get_loops(rv)]
    bindings = bindings_of(loops[-1].body, block)
    iterators = [bindings[one.var] for one in block.iter_vars if one.var in bindings]
    if [loop.loop_var.name for loop in loops] != [getattr(one, "name", "") for one in iterators]:
        return False
    value: Any = getattr(block.body, "value", None)
    if type(value).__name__ != "Add":
        return False
    terms, written = [_uncast(value.a), _uncast(value.b)], buffer_of(block.writes[0])
    return any(
        type(product).__name__ == "Mul"
        and all(_is_load(_uncast(factor)) for factor in (product.a, product.b))
        and _is_load(total)
        and written.same_as(buffer_of(total))
        for product, total in (terms, reversed(terms))
    )


def _uncast(expr: Any) -> Any:
    return expr.value if type(expr).__name__ == "Cast" else expr


def _is_load(expr: Any) -> bool:
    return type(expr).__name__ in ("TensorLoad", "BufferLoad")  # TVM 0.27, TVM 0.26
