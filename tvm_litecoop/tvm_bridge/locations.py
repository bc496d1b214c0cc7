"""Where a block may be computed: the loops that TVM keeps as compute locations, asked once for a task."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tvm.s_tir.schedule import ScheduleError

from tvm_litecoop.nest import Block
from tvm_litecoop.sites import INLINE, ROOT, Location


@dataclass(frozen=True)
class LocationMenu:
    """Where a block may be computed.

    Attributes:
        places: What TVM keeps: inlined, the root, loops around the first block that reads it.
        inner: The innermost of them outside the reductions of that reader, where it is tiled; None where there is none.
    """

    places: Location
    inner: int | None


class LocationMenus:
    """What the design spaces of a task know of compute locations.

    Asking TVM for the loops that are legal takes most of the time of reading a design space, a millisecond or two for
    each. Design spaces of a task differ in other blocks mostly, so what was found is used again where a block, its
    loops, its producers, its consumers and their loops are the same. Were one wrong there, TVM would move it, as it
    does for other tilings.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Location] = {}

    def menu(
        self, schedule: Any, block_rv: Any, consumers: Mapping[str, Any], blocks: Mapping[str, Block]
    ) -> LocationMenu:
        """Where a block may be computed in a schedule.

        Args:
            schedule: A copy; what is asked changes it.
            block_rv: The block.
            consumers: The block variables of those that read what it computes, by name; the loops are the first one's.
            blocks: The nests of the consumers, by name.
        """
        around = [schedule.get_loops(consumer) for consumer in consumers.values()]
        nests_around = [[schedule.get(loop) for loop in loops] for loops in around]
        loops = nests_around[0] if around else []
        producers = tuple(str(schedule.get(producer).name_hint) for producer in schedule.get_producers(block_rv))
        own = [schedule.get(loop) for loop in schedule.get_loops(block_rv)]
        read_in = tuple((_shape(one), _shared(one, loops)) for one in nests_around)
        told_by = str(schedule.get(block_rv).name_hint), producers, tuple(consumers), _shape(own), read_in
        kinds = _kinds(blocks[next(iter(consumers))], len(loops)) if around else ""
        if told_by not in self._known:
            order = _reductions_inward(schedule, around[0], kinds) if around else []
            self._known[told_by] = _locations(schedule, block_rv, [str(loop.loop_var.name) for loop in loops], order)
        places = self._known[told_by]
        outside = [index for index in places if index > ROOT and "R" not in kinds[: index + 1]]
        return LocationMenu(places, max(outside, default=None))


def _kinds(consumer: Block, loops: int) -> str:
    """A letter for each loop around a consumer, as in its tiling; what is not tiled is taken for spatial."""
    kinds = "".join(letter * len(level) for letter, level in zip(consumer.tiling, consumer.levels, strict=True))
    return kinds if len(kinds) == loops else "S" * loops


def _reductions_inward(schedule: Any, loops: Sequence[Any], kinds: str) -> list[int]:
    """Move the outer reductions of a tiled consumer to its inner ones, as in programs where they have one step each.

    Behind a loop that reduces, TVM offers no loop that does not.

    Args:
        schedule: A copy.
        loops: The loops of the consumer.
        kinds: `S` or `R` for each.

    Returns:
        Which of the loops is now where.
    """
    before, outside = list(range(len(loops))), len(kinds.rstrip("S"))
    after = sorted(before[:outside], key=lambda position: kinds[position] == "R") + before[outside:]
    moved = [one for one, other in zip(after, before, strict=True) if one != other]
    if not moved:
        return before
    try:
        schedule.reorder(*(loops[position] for position in moved))
    except ScheduleError:
        return before
    return after


def _shape(loops: Sequence[Any]) -> tuple[tuple[str, str, int], ...]:
    return tuple((str(loop.loop_var.name), str(loop.extent), int(loop.kind)) for loop in loops)


def _shared(loops: Sequence[Any], others: Sequence[Any]) -> int:
    """How many loops two blocks are both in."""
    return sum(loop.same_as(other) for loop, other in zip(loops, others, strict=False))


def _locations(schedule: Any, block_rv: Any, loops: Sequence[str], order: Sequence[int]) -> Location:
    """Ask TVM which compute locations it keeps, innermost first: it moves an illegal one to the next one outside.

    Args:
        schedule: A copy; what is asked adds to its trace.
        block_rv: The block.
        loops: Names of those of its first consumer.
        order: Which of these is where in the copy.
    """
    indices: list[int] = []
    probe = len(loops) - 1
    while probe >= INLINE:
        schedule.sample_compute_location(block_rv, decision=probe)
        trace = schedule.trace
        kept = int(trace.decisions[trace.insts[-1]])
        if kept > probe:
            break
        indices.append(order[kept] if kept > ROOT else kept)
        probe = kept - 1
    indices.sort()
    names = [name if loops.count(name) == 1 else f"{name} (loop {i})" for i, name in enumerate(loops)]
    labels = [{INLINE: "inline", ROOT: "root"}.get(i) or names[i] for i in indices]
    return Location(tuple(indices), tuple(labels))
