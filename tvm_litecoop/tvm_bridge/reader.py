"""A design space replayed once: what every sampling instruction is when it is reached, and the nests it shapes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm.s_tir.schedule import Schedule

from tvm_litecoop.nest import Block
from tvm_litecoop.sites import Choice, Domain, Tile, Value
from tvm_litecoop.tvm_bridge import nests, traces
from tvm_litecoop.tvm_bridge.locations import LocationMenus

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
        name: Unique in the design space.
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


class Reader:
    """Replays a design space once and notes what every instruction is when it is reached.

    TVM's menu of compute locations hangs on the decisions before it. So that none is hidden that is legal in other
    programs, the tilings are spread over all loops first, for TVM offers none at a loop of extent 1, and what has a
    place is put into an inner loop, for of a block that several read TVM offers the loops that they share.

    Args:
        mod: The untuned module.
        trace: Of the design space.
        sampling: Its sampling instructions, in order.
        decisions: A decision for each.
        menus: What the design spaces of a task know of compute locations.

    Attributes:
        slots: The decisions, in order of the trace.
        blocks: The nests that have a decision and those that read what one with a place computes, by name.
        stages: What was done beside tilings and places, in words.
    """

    def __init__(
        self, mod: Any, trace: Any, sampling: Sequence[Any], decisions: Sequence[Value], menus: LocationMenus
    ) -> None:
        self._slots: list[Slot] = []
        self.blocks: dict[str, Block] = {}
        self.stages: list[str] = []
        self._owners: dict[Any, tuple[str, int]] = {}
        self._loops: dict[Any, str] = {}  # loop variable of the trace -> its name: `j1` is the second part of j
        self._tiled: dict[Any, tuple[str, int]] = {}  # and the block it tiles, and which of the parts it is
        self._annotated = _annotations(trace)
        self._menus = menus
        self._schedule = Schedule(mod, seed=1, error_render_level="none")
        spread = traces.with_decisions(trace, sampling, [_spread(value) for value in decisions])
        spread.apply_to_schedule(self._schedule, remove_postproc=True, decision_provider=self._reached)
        self.slots = _unique(self._slots)

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
            self._slots.append(self._slot(kind, inst, inputs, attrs))
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
        copy = self._schedule.copy()  # asking the schedule itself would add to its trace
        block = str(copy.get(block_rv).name_hint)
        consumers = {str(copy.get(consumer).name_hint): consumer for consumer in copy.get_consumers(block_rv)}
        for name, rv in {block: block_rv, **consumers}.items():
            if name not in self.blocks:
                self.blocks[name] = nests.read_block(copy, rv)
        menu = self._menus.menu(copy, block_rv, consumers, self.blocks)
        self._slots.append(Slot(f"{block}.at", block, -1, menu.places, tuple(consumers)))
        return default if menu.inner is None else menu.inner


def _tile(kind: str, attrs: Any) -> Tile:
    """The domain of a tile, its extent still open (1)."""
    if kind == "SamplePerfectTile":
        return Tile(1, int(attrs[0]), max_innermost=max(0, int(attrs[1])))
    return Tile(1, int(attrs[0]), split_at=int(attrs[1]), inner_multiple=int(attrs[2]))


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
