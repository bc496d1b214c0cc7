"""What TVM made of a program: the loops of its nests after all postprocs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any

from tvm.s_tir.schedule import ScheduleError
from tvm.tirx.analysis import undefined_vars

from tvm_litecoop.tvm_bridge.nests import bindings_of, constant, shift_of
from tvm_litecoop.view import Loops

PARALLEL, VECTORIZED = 1, 2  # tirx.ForKind
UNROLL = "pragma_auto_unroll_max_step"
STILL = 0, 1  # the move of a loop that leaves an iterator where it is


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


def repeated(schedule: Any) -> str:
    """A reduction that a schedule makes again and again without setting its result back, so that the sum is wrong.

    TVM's `decompose_reduction` (`RewriteReductionBlock`) sets the result to its start outside of the first loop of the
    reduction. A loop of a consumer that stands inside of that one, and that the reduction does not depend on, then adds
    everything once more; one that moves a window adds once more where the windows overlap, as those of a convolution
    of sums. One in five random programs of an attention is such. Maxima and minima may be made again, but
    of those with an index (argmax) this is not seen, and they count as sums.

    Args:
        schedule: After the postprocs; it is not changed.

    Returns:
        The name of its block; empty where there is none.
    """
    for inst in schedule.trace.insts:
        if inst.kind.name == "DecomposeReduction":
            try:
                start, update = schedule.get_sref(inst.outputs[0]), schedule.get_sref(inst.inputs[0])
            except (ScheduleError, RuntimeError, ValueError):  # a block that is no more, as where it was tensorized
                continue
            inside = _loops_above(update)
            around = _loops_above(start)
            while inside and around and inside[-1].same_as(around[-1]):
                del inside[-1], around[-1]
            if inside and not _idempotent(update.stmt) and _again(inside, update.stmt):
                return str(update.stmt.name_hint)
    return ""


def _loops_above(sref: Any) -> list[Any]:
    """The loops around a block, innermost first."""
    found = []
    while (sref := sref.parent) is not None and not hasattr(sref.stmt, "iter_vars"):
        found.append(sref)
    return found


def _again(loops: list[Any], block: Any) -> bool:
    """Whether the loops right around a block come to one of its elements twice.

    So they do where one moves none of its iterators, or where those that move one of them come to the same place, as i
    and j of 4 * i + j with 8 of j.
    """
    bindings = bindings_of(loops[0].stmt.body, block)
    if not bindings:
        return False  # something stands between the loops and the block
    values = [(value, undefined_vars(value)) for value in bindings.values()]
    independent = []
    for variable, extent in ((loop.stmt.loop_var, constant(loop.stmt.extent)) for loop in loops):
        if extent == 1:
            continue
        moved = [any(variable.same_as(one) for one in within) for _, within in values]
        if not any(moved):
            return True
        moves = [_move(value, variable, extent) if by else STILL for (value, _), by in zip(values, moved, strict=True)]
        if math.prod(places for _, places in moves) == extent:  # else it moves several iterators at once
            independent.append(moves)
    return any(map(_overlap, zip(*independent, strict=True)))


def _move(value: Any, variable: Any, extent: int) -> tuple[int, int]:
    """The step by which a loop alone moves an iterator, and the number of places it comes to; 0 of no one step."""
    step = shift_of(value, variable, {})
    if shift_of(value, variable, {}, extent - 1) == step * (extent - 1):
        return (abs(step), extent) if step else STILL
    places = sorted({shift_of(value, variable, {}, i) for i in range(extent)})
    steps = {after - before for before, after in pairwise(places)}
    return (steps.pop(), len(places)) if len(steps) == 1 else (0, 0)


def _overlap(moves: Sequence[tuple[int, int]]) -> bool:
    """Whether moves of one iterator, added up, come to a place twice."""
    reach = 0
    for step, count in sorted(moves):
        if 0 < step <= reach:
            places = {sum(one) for one in product(*(range(0, step * count, step) for step, count in moves if step))}
            return len(places) < math.prod(count for step, count in moves if step)
        reach += step * (count - 1)
    return False


def _idempotent(block: Any) -> bool:
    """Whether making a reduction again changes nothing, as of a maximum."""
    return type(getattr(block.body, "value", None)).__name__ in ("Max", "Min")


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
