"""Which blocks are contractions, and which of their operands are used again and again."""

from __future__ import annotations

from typing import Any

from tvm.s_tir.schedule import Schedule

from tvm_litecoop.nest import Access, Block
from tvm_litecoop.tvm_bridge.nests import read_block

ROOT = "root"


def blocks_of(mod: Any) -> dict[str, Block]:
    """The blocks of a module that nothing was scheduled in yet, by name, in their order; none for a nested program."""
    schedule = Schedule(mod)  # of its own: asking a schedule adds to its trace
    children = schedule.get_child_blocks(schedule.get_sblock(ROOT))
    if any(len(schedule.get_child_blocks(child)) for child in children):
        return {}
    return {str(schedule.get(child).name_hint): read_block(schedule, child) for child in children}


def is_contraction(block: Block) -> bool:
    """Whether a block sums over operands of which some are used for several results, as TVM tiles them.

    That is `NeedsMultiLevelTiling` in src/s_tir/schedule/analysis/analysis.cc.
    """
    reduced = any(axis.reduction for axis in block.axes)
    return reduced and len(block.writes) == 1 and any(repeats(block, read) for read in block.reads)


def repeats(block: Block, read: Access) -> bool:
    """Whether each element of an operand is used for several results."""
    return any(axis.extent > 1 and not axis.reduction and not read.stride(i) for i, axis in enumerate(block.axes))


def vector_axis(block: Block) -> int | None:
    """The spatial axis along which results are contiguous; None where there is none."""
    found = [i for i, axis in enumerate(block.axes) if not axis.reduction and block.writes[0].stride(i) == 1]
    return found[-1] if found else None
