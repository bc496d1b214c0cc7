"""The free member `expert`: proposes decisions by stated rules (`models.rules`) from the target and the loop nests.

At the root it draws whole programs; at a measured program it changes one site at a time, so that the measurement says
what the change was worth. Draws are weighted by the rules rather than taken from the top: the rules rank, the
hardware decides.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tvm_litecoop.models import rules
from tvm_litecoop.models.base import Answer, Call, Profile
from tvm_litecoop.sites import Choice, Location, Tile, Value
from tvm_litecoop.values import Edit, Proposal, SetDecision, SetSketch
from tvm_litecoop.view import Sketch, Traits, View


@dataclass(frozen=True)
class Expert:
    """Rules instead of a model; free, deterministic for a seed."""

    name: str = "expert"

    @property
    def profile(self) -> Profile:
        """Free; counts as the smallest size there is."""
        return Profile(self.name, free=True)

    def ask(self, view: View, k: int, seed: int) -> Call:
        """It needs no time to think."""
        answer = self.propose(view, k, seed)
        return lambda: answer

    def propose(self, view: View, k: int, seed: int) -> Answer:
        """`k` whole programs at the root, else up to `k` changes of one site each."""
        rng = random.Random(seed)
        if view.root:
            return Answer(tuple(whole_program(view, rng) for _ in range(k)))
        return Answer(_changes(view, k, rng))


def whole_program(view: View, rng: random.Random) -> Proposal:
    """A program with every decision drawn by the rules: tilings first, then what depends on them."""
    sketch = _draw_sketch(view, rng)
    edits: list[Edit] = [SetSketch(sketch.index)] if sketch.index != view.program.sketch else []
    tilings = {block.name: rules.draw_tiling(block, sketch, view.machine, rng) for block in sketch.blocks}
    drawn = {s.name: tilings[s.block][s.axis] for s in sketch.sites if 0 <= s.axis < len(tilings.get(s.block, ()))}
    sketch = _with_values(sketch, drawn)
    rest = [site for site in sketch.sites if site.name not in drawn]
    for site in sorted(rest, key=lambda site: _ORDER.index(type(site.domain))):
        value = rules.draw(rules.weights(site, sketch, view.machine), rng)
        sketch = _with_values(sketch, {site.name: value})
    edits += [SetDecision(site.name, site.value) for site in sketch.sites]
    return Proposal(tuple(edits))


_ORDER = [Tile, Location, Choice]
"""A good place depends on the tiles around it, a good limit on both."""


def _with_values(sketch: Sketch, values: Mapping[str, Value]) -> Sketch:
    return replace(
        sketch, sites=tuple(replace(s, value=values[s.name]) if s.name in values else s for s in sketch.sites)
    )


def _draw_sketch(view: View, rng: random.Random) -> Sketch:
    """By what sets it apart: rather a prepared one with many vector lanes; what fills none, only to keep cores busy."""
    traits = view.traits or (Traits(),) * len(view.sketches)
    plain = next((index for index, one in enumerate(traits) if not one.factored), None)
    busy = plain is not None and rules.keeps_cores_busy(view.sketches[plain], view.machine)
    weights = rules.spaces(traits, busy=busy)
    return view.sketches[rng.choices(range(len(weights)), weights)[0]]


def _changes(view: View, k: int, rng: random.Random) -> tuple[Proposal, ...]:
    sites = list(view.sketch.sites)
    importance = rules.importance(view.sketch)
    found = []
    for _ in range(k if sites else 0):
        site = rng.choices(sites, [importance[site.name] for site in sites])[0]
        weights = rules.weights(site, view.sketch, view.machine)
        weights.pop(site.value, None)
        if weights:
            found.append(Proposal((SetDecision(site.name, rules.draw(weights, rng)),)))
    return tuple(found)
