"""One design space of TVM, read once: its sampling instructions by name, and the loop nests they shape."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import Any

from tvm_litecoop import view
from tvm_litecoop.nest import Block
from tvm_litecoop.sites import Choice, Domain, Location, Site, Tile, Value
from tvm_litecoop.tvm_bridge import traces
from tvm_litecoop.tvm_bridge.locations import LocationMenus
from tvm_litecoop.tvm_bridge.reader import Reader, Slot
from tvm_litecoop.values import Program


class Sketch:
    """A design space and the names of its decisions.

    Args:
        index: Its position among the design spaces of the task.
        mod: The untuned module.
        schedule: The design space as TVM generated it.
        menus: What the design spaces of a task know of compute locations, shared by them.
    """

    def __init__(self, index: int, mod: Any, schedule: Any, menus: LocationMenus) -> None:
        self.index = index
        self._mod = mod
        self._menus = menus
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
        reader = Reader(self._mod, self.trace, self.sampling, self.default.decisions, self._menus)
        return reader.slots, tuple(reader.blocks.values()), tuple(reader.stages)


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
