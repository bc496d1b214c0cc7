"""Edits on TVM traces: checks a proposal against the sites and turns it into the decisions to replay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tvm.s_tir.meta_schedule import _ffi_api

from tvm_litecoop import seeds
from tvm_litecoop.sites import Site, Value
from tvm_litecoop.tvm_bridge import traces
from tvm_litecoop.tvm_bridge.sketch import Sketch
from tvm_litecoop.values import Edit, Mutate, Program, Rejection, Resample, SetDecision, SetSketch, Why


class Editor:
    """Applies edits to programs of one task; knows its sketches and TVM's mutators by name."""

    def __init__(self, sketches: Sequence[Sketch], mutators: Mapping[str, Any]) -> None:
        self._sketches = sketches
        self._mutators = mutators

    def edited(self, program: Program, edits: Sequence[Edit]) -> Program | Rejection | tuple[int, int]:
        """The program the edits ask for, not yet replayed.

        Returns:
            A program; a rejection with its reason; or `(sketch, seed)` where TVM is to draw all decisions itself.
        """
        drawn: tuple[int, int] | None = None
        sites: dict[str, Site] = {}  # of the program; to set one changes the legal values of none
        for edit in edits:
            if isinstance(edit, Resample):
                if not 0 <= edit.sketch < len(self._sketches):
                    return Rejection(Why.ILLEGAL_VALUE, f"sketch {edit.sketch} of {len(self._sketches)}")
                drawn = (edit.sketch, edit.seed)
                continue
            if drawn is not None:
                return Rejection(Why.MALFORMED, "no edit can follow a fresh sample")
            if isinstance(edit, SetDecision):
                sites = sites or {site.name: site for site in self._sketches[program.sketch].sites(program)}
                changed = _set(program, sites, edit)
            else:
                sites = {}
                changed = self._mutate(program, edit) if isinstance(edit, Mutate) else self._switch(program, edit)
            if isinstance(changed, Rejection):
                return changed
            program = changed
        return drawn or program

    def _switch(self, program: Program, edit: SetSketch) -> Program | Rejection:
        """Go to another sketch; decisions of sites with the same name and number of factors come along."""
        index = edit.sketch
        if not 0 <= index < len(self._sketches):
            return Rejection(Why.ILLEGAL_VALUE, f"sketch {index} of {len(self._sketches)}")
        old, new = self._sketches[program.sketch], self._sketches[index]
        kept = {slot.name: value for slot, value in zip(old.slots, program.decisions, strict=True)}
        decisions = [
            _carried(kept.get(slot.name), value) for slot, value in zip(new.slots, new.default.decisions, strict=True)
        ]
        return Program(index, tuple(decisions))

    def _mutate(self, program: Program, edit: Mutate) -> Program | Rejection:
        mutator = self._mutators.get(edit.mutator)
        if mutator is None:
            return Rejection(Why.MALFORMED, f"unknown mutator {edit.mutator}; known: {', '.join(self._mutators)}")
        sketch = self._sketches[program.sketch]
        trace = traces.with_decisions(sketch.trace, sketch.sampling, program.decisions)
        # Mutator.apply in Python draws a device-random seed, so the C++ function is called with ours.
        mutated = _ffi_api.MutatorApply(mutator, trace, seeds.fork(edit.seed, "mutate"))
        if mutated is None:
            return Rejection(Why.NO_CHANGE, edit.mutator)
        return Program(program.sketch, traces.decisions_of(mutated))


def _set(program: Program, sites: Mapping[str, Site], edit: SetDecision) -> Program | Rejection:
    site = sites.get(edit.site)
    if site is None:
        return Rejection(Why.UNKNOWN_SITE, f"{edit.site}; known: {', '.join(sites)}")
    if edit.value not in site.domain:
        return Rejection(Why.ILLEGAL_VALUE, f"{edit.site} = {edit.value}")
    decisions = (*program.decisions[: site.position], edit.value, *program.decisions[site.position + 1 :])
    return Program(program.sketch, decisions)


def _carried(old: Value | None, default: Value) -> Value:
    """A decision of the old sketch where it fits the new site: same kind, same extent."""
    if isinstance(old, tuple) and isinstance(default, tuple):
        return old if len(old) == len(default) and math.prod(old) == math.prod(default) else default
    return old if isinstance(old, int) and isinstance(default, int) else default
