"""Operands that are strided along the vector axis, packed: `q kᵀ` reads a column of k for every vector otherwise.

TVM then loads lane by lane. A copy with that dimension innermost costs one pass over the operand, of which the
contraction uses each element many times.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tvm_litecoop.design_space.contraction import REUSED, blocks_of, is_contraction, reuse, vector_axis
from tvm_litecoop.nest import Access, Block


def pack(schedule: Any, left: Collection[str]) -> None:
    """Pack the operands of the contractions of a schedule that need it.

    Args:
        schedule: Changed in place: blocks for the copies are added.
        left: Operands to be left as they are.
    """
    for name, block in blocks_of(schedule.mod).items():
        vector = vector_axis(block) if is_contraction(block) else None
        for number, read in enumerate(block.reads if vector is not None else ()):
            order = _order(block, read, vector or 0)
            if order and read.buffer not in left:
                schedule.cache_read(name, number, "global")
                schedule.transform_layout(name, ("read", number), _permutation(order))


def _order(block: Block, read: Access, vector: int) -> tuple[int, ...]:
    """The dimensions of an operand with the one along the vector last; empty where it is fine as it is."""
    along = [position for position, coefficients in enumerate(read.dims) if coefficients[vector]]
    last = len(read.dims) - 1
    if abs(read.stride(vector)) <= 1 or reuse(block, read) < REUSED or len(along) != 1 or along[0] == last:
        return ()
    return (*(position for position in range(len(read.dims)) if position != along[0]), along[0])


def _permutation(order: tuple[int, ...]) -> Any:
    return lambda *dims: [dims[position] for position in order]
