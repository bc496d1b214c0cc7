"""Computations that a contraction would repeat, not inlined into it.

TVM inlines whatever is elementwise and no `exp` (src/s_tir/meta_schedule/schedule_rule/auto_inline.cc). A contraction
uses an operand once for every tile of results: the division of a softmax, inlined into the product with the values, is
made again for each of them.
"""

from __future__ import annotations

from typing import Any

from tvm_litecoop.design_space.contraction import REUSED, blocks_of, is_contraction, reuse
from tvm_litecoop.nest import Block

LEFT_ALONE = ("T.exp(", "T.if_then_else(")
"""What TVM's rule for CPUs does not inline anyway."""
MOVES = ("TensorLoad", "BufferLoad", "Cast", "NoneType")
"""Bodies that compute nothing (TVM 0.27, TVM 0.26)."""


def kept(schedule: Any) -> set[str]:
    """Names of the blocks of a schedule that TVM's rules should not inline."""
    blocks = blocks_of(schedule.mod)
    contractions = [block for block in blocks.values() if is_contraction(block)]
    repeated = {read.buffer for block in contractions for read in block.reads if reuse(block, read) >= REUSED}
    written = {write.buffer for block in blocks.values() for write in block.writes}
    return {
        name
        for name, block in blocks.items()
        if not any(axis.reduction for axis in block.axes)
        and any(write.buffer in repeated for write in block.writes)
        and _whole_operands(block, written) < 2
        and _computes(schedule.get(schedule.get_sblock(name)))
    }


def _whole_operands(block: Block, written: set[str]) -> int:
    """Results of other blocks that a block reads element by element.

    TVM takes a block for the write cache of each of them, and its rules fail where there are several.
    """
    return sum(
        read.buffer in written and all(read.stride(i) for i, axis in enumerate(block.axes) if axis.extent > 1)
        for read in block.reads
    )


def _computes(block: Any) -> bool:
    """Whether a block computes something that TVM would inline."""
    value = getattr(block.body, "value", None)
    if type(value).__name__ in MOVES:
        return False
    script = str(value)
    return not any(call in script for call in LEFT_ALONE)
