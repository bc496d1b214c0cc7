"""What TVM made of a program: the loops of its nests after all postprocs."""

from __future__ import annotations

from typing import Any

from tvm.s_tir.schedule import ScheduleError

from tvm_litecoop.view import Loops

PARALLEL, VECTORIZED = 1, 2  # tirx.ForKind
UNROLL = "pragma_auto_unroll_max_step"


def loops_of(schedule: Any, blocks: tuple[str, ...]) -> tuple[Loops, ...]:
    """Parallel and vectorised extents and the unroll limit of each named block.

    Args:
        schedule: After the postprocs; it is not changed.
        blocks: Names; one that is not there any more (inlined) is left out.
    """
    copy = schedule.copy()  # asking the schedule itself would add to its trace
    found = []
    for name in blocks:
        block = _block(copy, name)
        if block is None:
            continue
        loops = [copy.get(loop) for loop in copy.get_loops(block)]
        found.append(Loops(name, _extent(loops, PARALLEL), _extent(loops, VECTORIZED), _unroll(loops)))
    return tuple(found)


def _block(schedule: Any, name: str) -> Any:
    """The block of that name, or the part of it that is left when its init was split off."""
    for present in (f"{name}_update", name):
        try:
            return schedule.get_sblock(present)
        except (ScheduleError, RuntimeError, ValueError):  # TVM's ways to say that there is none
            continue
    return None


def _extent(loops: list[Any], kind: int) -> int:
    product = 1
    for loop in loops:
        if int(loop.kind) == kind:
            product *= int(getattr(loop.extent, "value", 1))
    return product


def _unroll(loops: list[Any]) -> int:
    limits = [int(loop.annotations[UNROLL]) for loop in loops if UNROLL in loop.annotations]
    return max(limits, default=0)
