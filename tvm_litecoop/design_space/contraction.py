"""Which blocks are contractions, and which of their operands are used again and again."""

from __future__ import annotations

from math import prod
from typing import Any

from tvm.s_tir.schedule import Schedule

from tvm_litecoop.nest import Access, Block
from tvm_litecoop.tvm_bridge.nests import read_block

ROOT = "root"
REUSED = 16
"""Uses of each element of an operand that make up for a copy of it."""


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
    known = all(axis.extent > 0 for axis in block.axes)
    return reduced and known and len(block.writes) == 1 and any(reuse(block, read) > 1 for read in block.reads)


def reuse(block: Block, read: Access) -> int:
    """For how many results each element of an operand is used."""
    still = [axis for i, axis in enumerate(block.axes) if not axis.reduction and not read.stride(i)]
    return prod(axis.extent for axis in still)


def vector_axis(block: Block) -> int | None:
    """The spatial axis along which results are contiguous; None where there is none."""
    found = [i for i, axis in enumerate(block.axes) if not axis.reduction and block.writes[0].stride(i) == 1]
    return found[-1] if found else None
