"""One design space of TVM, read once: its sampling instructions by name, and the loop nests they shape."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from tvm.s_tir.schedule import Schedule, ScheduleError

from tvm_litecoop import view
from tvm_litecoop.nest import Block
from tvm_litecoop.sites import INLINE, ROOT, Choice, Domain, Location, Site, Tile, Value
from tvm_litecoop.tvm_bridge import nests, traces
from tvm_litecoop.values import Program

_SHORT = {
    "meta_schedule.unroll_explicit": "unroll",
    "meta_schedule.unroll_implicit": "unroll",
    "meta_schedule.cooperative_fetch": "fetch",
}


_STAGES = {
    "CacheWrite": "{block} written through a cache",
    "ReverseComputeAt": "{block} written back at {place}",
    "CacheRead": "operands of {block} cached",
    "PadEinsum": "{block} padded",
    "TransformLayout": "an operand of {block} packed",
    "RFactor": "reduction factored at {place}",
    "ComputeInline": "{block} inlined",
    "ReverseComputeInline": "{block} inlined into its producer",
}
"""Primitives that tell design spaces apart, in words."""


@dataclass(frozen=True)
class Slot:
    """What a sampling instruction is, whatever its decision.

    Attributes:
        name: Unique in the sketch.
        block: The block it shapes; empty for the whole program.
        axis: The loop of that block it tiles; -1 where it is no tile.
        domain: Its legal values, the extent of a tile still open.
        consumers: The blocks that read what a located block computes; the loops named are the first one's.
    """

    name: str
    block: str
    axis: int
    domain: Domain
    consumers: tuple[str, ...] = ()


Places: TypeAlias = "dict[Hashable, Location]"
"""What a compute location is told by -> the loops that TVM keeps."""


class Sketch:
    """A design space and the names of its decisions.

    Args:
        index: Its position among the design spaces of the task.
        mod: The untuned module.
        schedule: The design space as TVM generated it.
        places: What the design spaces of a task know of compute locations, shared by them; see `_Reader`.
    """

    def __init__(self, index: int, mod: Any, schedule: Any, places: Places) -> None:
        self.index = index
        self._mod = mod
        self._places = places
        self.trace = schedule.trace.simplified(True)
        self.sampling = traces.sampling_instructions(self.trace)
        self.signature = traces.signature(self.trace)
        self.default = Program(index, traces.decisions_of(self.trace))

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The decisions, in order of the trace."""
        return self._facts[0]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The nests that have a decision and those that read what one with a place computes, in order of the trace."""
        return self._facts[1]

    def sites(self, program: Program) -> tuple[Site, ...]:
        """The sites of one program with their legal values; decisions without a choice are left out.

        The extent of a tiled loop is the product of its factors in this very program (an earlier decision may have
        changed it). The menu of a compute location holds every loop that is legal for some tiling; TVM moves one
        that is not legal for this tiling to the nearest loop outside it (SampleComputeLocation in sampling.cc).
        """
        found = []
        for position, (slot, value) in enumerate(zip(self.slots, program.decisions, strict=True)):
            domain = _present(slot.domain, value)
            if domain is not None:
                found.append(Site(slot.name, domain, value, slot.block, slot.axis, slot.consumers, position=position))
        return tuple(found)

    def shown(self, program: Program) -> view.Sketch:
        """The sketch as a member sees it, with the values of that program."""
        return view.Sketch(self.index, self.sites(program), self.blocks, self._facts[2], program.decisions)

    def read(self) -> None:
        """Read what members are shown, where nobody has looked at it yet."""
        _ = self._facts

    @cached_property
    def _facts(self) -> tuple[tuple[Slot, ...], tuple[Block, ...], tuple[str, ...]]:
        reader = _Reader(self)
        return _unique(reader.slots), tuple(reader.blocks.values()), tuple(reader.stages)


class _Reader:
    """Replays a sketch once and notes what every instruction is when it is reached.

    TVM's menu of compute locations hangs on the decisions before it. So that none is hidden that is legal in other
    programs, the tilings are spread over all loops first, for TVM offers none at a loop of extent 1, and what has a
    place is put into an inner loop, for of a block that several read TVM offers the loops that they share.

    Asking TVM for the loops that are legal takes most of the time, a millisecond or two for each. Design spaces
    of a task differ in other blocks mostly, so what was found is used again where a block, its loops, its producers,
    its consumers and their loops are the same. Were one wrong there, TVM would move it, as it does for other tilings.
    """

    def __init__(self, sketch: Sketch) -> None:
        self.slots: list[Slot] = []
        self.blocks: dict[str, Block] = {}
        self.stages: list[str] = []
        self._owners: dict[Any, tuple[str, int]] = {}
        self._loops: dict[Any, str] = {}  # loop variable of the trace -> its name: `j1` is the second part of j
        self._tiled: dict[Any, tuple[str, int]] = {}  # and the block it tiles, and which of the parts it is
        self._annotated = _annotations(sketch.trace)
        self._places = sketch._places
        spread = [_spread(value) for value in sketch.default.decisions]
        self._schedule = Schedule(sketch._mod, seed=1, error_render_level="none")
        trace = traces.with_decisions(sketch.trace, sketch.sampling, spread)
        trace.apply_to_schedule(self._schedule, remove_postproc=True, decision_provider=self._reached)

    def _reached(self, inst: Any, inputs: Any, attrs: Any, decision: Any) -> Any:
        kind = inst.kind.name
        if kind == "GetLoops":
            name = str(self._schedule.get(inputs[0]).name_hint)
            block = self.blocks[name] = nests.read_block(self._schedule, inputs[0])
            for position, (loop, axis) in enumerate(zip(inst.outputs, block.axes, strict=True)):
                self._owners[loop] = (name, position)
                self._loops[loop] = axis.name
        elif kind == "Split":
            whole = self._loops.get(inst.inputs[0], "loop")
            self._loops.update({part: f"{whole}{level}" for level, part in enumerate(inst.outputs)})
            owner, _ = self._owners.get(inst.inputs[0], ("", -1))
            self._tiled.update({part: (owner, level) for level, part in enumerate(inst.outputs)})
        elif kind in _STAGES:
            self.stages.append(self._stage(kind, inst, inputs))
            tiled, level = self._tiled.get(inst.inputs[-1], ("", -1))
            if kind == "ReverseComputeAt" and tiled in self.blocks:
                self.blocks[tiled] = replace(self.blocks[tiled], written_at=level)
        elif kind == "SampleComputeLocation":
            return self._location(inputs[0], decision)
        elif kind in traces.SAMPLING:
            self.slots.append(self._slot(kind, inst, inputs, attrs))
        return decision

    def _stage(self, kind: str, inst: Any, inputs: Any) -> str:
        block = getattr(self._schedule.get(inputs[0]), "name_hint", "")  # a loop where a reduction is factored
        place = next((self._loops[one] for one in inst.inputs if one in self._loops), "a sampled loop")
        return _STAGES[kind].format(block=block, place=place)

    def _slot(self, kind: str, inst: Any, inputs: Any, attrs: Any) -> Slot:
        if kind == "SampleCategorical":
            name = self._annotated.get(inst.outputs[0], "choice")
            return Slot(name, "", -1, Choice(tuple(int(option) for option in attrs[0])))
        loop = str(self._schedule.get(inputs[0]).loop_var.name)
        block, axis = self._owners.get(inst.inputs[0], ("", -1))
        return Slot(f"{block}.{loop}" if block else loop, block, axis, _tile(kind, attrs))

    def _location(self, block_rv: Any, default: Any) -> Any:
        """Note where a block may be computed; here it is in the innermost loop outside a tiled reader's reductions."""
        block = str(self._schedule.get(block_rv).name_hint)
        if block not in self.blocks:
            self.blocks[block] = nests.read_block(self._schedule, block_rv)
        copy = self._schedule.copy()  # asking the schedule itself would add to its trace
        consumers = {str(copy.get(consumer).name_hint): consumer for consumer in copy.get_consumers(block_rv)}
        for name, consumer in consumers.items():
            if name not in self.blocks:
                self.blocks[name] = nests.read_block(copy, consumer)
        around = [copy.get_loops(consumer) for consumer in consumers.values()]
        nests_around = [[copy.get(loop) for loop in loops] for loops in around]
        loops = nests_around[0] if around else []
        producers = tuple(str(copy.get(producer).name_hint) for producer in copy.get_producers(block_rv))
        own = [copy.get(loop) for loop in copy.get_loops(block_rv)]
        read_in = tuple((_shape(one), _shared(one, loops)) for one in nests_around)
        told_by = block, producers, tuple(consumers), _shape(own), read_in
        kinds = _kinds(self.blocks[next(iter(consumers))], len(loops)) if around else ""
        if told_by not in self._places:
            order = _reductions_inward(copy, around[0], kinds) if around else []
            self._places[told_by] = _locations(copy, block_rv, [str(loop.loop_var.name) for loop in loops], order)
        places = self._places[told_by]
        self.slots.append(Slot(f"{block}.at", block, -1, places, tuple(consumers)))
        return max((index for index in places if index > ROOT and "R" not in kinds[: index + 1]), default=default)


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


def _tile(kind: str, attrs: Any) -> Tile:
    """The domain of a tile, its extent still open (1)."""
    if kind == "SamplePerfectTile":
        return Tile(1, int(attrs[0]), max_innermost=max(0, int(attrs[1])))
    return Tile(1, int(attrs[0]), split_at=int(attrs[1]), inner_multiple=int(attrs[2]))


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


def _present(domain: Domain, value: Value) -> Domain | None:
    """The domain of a decision in a program where it has that value; None where there is nothing to choose."""
    if isinstance(domain, Tile) and isinstance(value, tuple):
        extent = math.prod(value)
        return replace(domain, extent=extent) if extent > 1 else None  # a symbolic extent reads (-1, 1, ..., 1)
    if isinstance(domain, Location) and isinstance(value, int):
        if value not in domain.indices:
            domain = Location((*domain.indices, value), (*domain.labels, f"loop {value}"))
        return domain if len(domain.indices) > 1 else None
    if isinstance(domain, Choice):
        return domain if len(domain.options) > 1 else None
    return None


def _spread(value: Value) -> Value:
    """A tiling of the same extent with as few factors of 1 as can be, those innermost."""
    if isinstance(value, int) or min(value) < 1:
        return value
    return max(Tile(math.prod(value), len(value)), key=lambda tiling: (sorted(tiling), tiling), default=value)


def _annotations(trace: Any) -> dict[Any, str]:
    """Random variable -> short name of the annotation whose value it becomes."""
    found = {}
    for inst in trace.insts:
        if inst.kind.name == "Annotate":
            key = str(inst.attrs[0])
            found[inst.inputs[1]] = _SHORT.get(key, key.rsplit(".", 1)[-1])
    return found


def _unique(slots: list[Slot]) -> tuple[Slot, ...]:
    """Number the names that occur more than once: `fetch#1`, `fetch#2`."""
    total = Counter(slot.name for slot in slots)
    seen: Counter[str] = Counter()
    result = []
    for slot in slots:
        if total[slot.name] > 1:
            seen[slot.name] += 1
            slot = replace(slot, name=f"{slot.name}#{seen[slot.name]}")
        result.append(slot)
    return tuple(result)
