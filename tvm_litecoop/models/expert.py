"""The free member `expert`: proposes decisions by stated rules (`models.rules`) from the target and the loop nests.

At the root it draws whole programs; at a measured program it changes one site at a time, so that the measurement says
what the change was worth. Draws are weighted by the rules rather than taken from the top: the rules rank, the
hardware decides.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tvm_litecoop.models import rules
from tvm_litecoop.models.base import Answer, Call, Profile
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
    """A program with every decision drawn by the rules."""
    sketch = _draw_sketch(view, rng)
    edits: list[Edit] = [SetSketch(sketch.index)] if sketch.index != view.program.sketch else []
    tilings = {block.name: rules.draw_tiling(block, sketch, view.machine, rng) for block in sketch.blocks}
    for site in sketch.sites:
        tiling = tilings.get(site.block, ())
        if 0 <= site.axis < len(tiling):
            edits.append(SetDecision(site.name, tiling[site.axis]))
        else:
            edits.append(SetDecision(site.name, rules.draw(rules.weights(site, sketch, view.machine), rng)))
    return Proposal(tuple(edits))


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
