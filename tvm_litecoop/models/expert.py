"""The free member `expert`: proposes decisions by stated rules (`models.rules`) from the target and the loop nests.

At the root it draws whole programs; at a measured program it changes one site at a time, so that the measurement says
what the change was worth, or takes its decisions along to another design space. Draws are weighted by the rules rather
than taken from the top: the rules rank, the hardware decides.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tvm_litecoop.models import rules
from tvm_litecoop.models.base import Answer, Call, Profile
from tvm_litecoop.sites import Choice, Location, Tile, Value
from tvm_litecoop.values import Edit, Program, Proposal, SetDecision, SetSketch
from tvm_litecoop.view import Sketch, Traits, View

ELSEWHERE = 0.1  # share of the proposals at a measured program that go to another design space
DRAWS = 8  # for each program that is wanted; many of them may be known


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
        """At the root whole programs, else changes of one site each, or moves to other design spaces.

        Up to `k` of which nothing is known; fewer where most are known.
        """
        rng = random.Random(seed)
        importance = {} if view.root else rules.importance(view.sketch)
        found: dict[Program, Proposal] = {}
        for _ in range(DRAWS * k):
            if len(found) == k:
                break
            proposal = whole_program(view, rng) if view.root else _near(view, importance, rng)
            if proposal is not None and not view.known(program := view.asked(proposal.edits), proposal.edits):
                found.setdefault(program, proposal)
        return Answer(tuple(found.values()))


def whole_program(view: View, rng: random.Random) -> Proposal:
    """A program of any design space with every decision drawn by the rules."""
    index = _draw_sketch(_weights(view), rng)
    return _drawn(view, view.sketches[index], {}, rng)


def elsewhere(view: View, rng: random.Random) -> Proposal | None:
    """This program in another design space: its decisions where there are the same, the others drawn by the rules.

    So a tiling that was found good is tried with its results written back in another loop, or with a sum factored
    otherwise. None where there is no other.
    """
    weights = _weights(view)
    weights[view.program.sketch] = 0.0
    if not any(weights):
        return None
    sketch = view.sketches[_draw_sketch(weights, rng)]
    present = {site.name: site for site in view.sketch.sites}
    same = [s.name for s in sketch.sites if s.name in present and s.domain == present[s.name].domain]
    return _drawn(view, sketch, {name: present[name].value for name in same}, rng)


def _drawn(view: View, sketch: Sketch, kept: Mapping[str, Value], rng: random.Random) -> Proposal:
    """A program of a design space, some of its decisions given: tilings first, then what depends on them."""
    edits: list[Edit] = [SetSketch(sketch.index)] if sketch.index != view.program.sketch else []
    tilings = {block.name: rules.draw_tiling(block, sketch, view.machine, rng) for block in sketch.blocks}
    drawn = {s.name: tilings[s.block][s.axis] for s in sketch.sites if 0 <= s.axis < len(tilings.get(s.block, ()))}
    sketch = sketch.with_values({**drawn, **kept})
    rest = [s for s in sketch.sites if s.name not in drawn and (s.name not in kept or isinstance(s.domain, Location))]
    for site in sorted(rest, key=lambda site: _ORDER.index(type(site.domain))):
        weights = rules.weights(site, sketch, view.machine)
        if site.name not in kept or not weights[kept[site.name]]:  # a place that is not there with the new decisions
            sketch = sketch.with_values({site.name: rules.draw(weights, rng)})
    edits += [SetDecision(site.name, site.value) for site in sketch.sites]
    return Proposal(tuple(edits))


_ORDER = [Tile, Location, Choice]
"""A good place depends on the tiles around it, a good limit on both."""


def _weights(view: View) -> list[float]:
    """Of the design spaces: rather a prepared one with many vector lanes; what fills none, only to keep cores busy."""
    return rules.spaces(view.traits or (Traits(),) * len(view.sketches), view.machine)


def _draw_sketch(weights: Sequence[float], rng: random.Random) -> int:
    return rng.choices(range(len(weights)), weights)[0]


def _near(view: View, importance: Mapping[str, float], rng: random.Random) -> Proposal | None:
    return elsewhere(view, rng) if rng.random() < ELSEWHERE else _change(view, importance, rng)


def _change(view: View, importance: Mapping[str, float], rng: random.Random) -> Proposal | None:
    """Another value for one site; None where it has no other."""
    if not view.sketch.sites:
        return None
    site = rng.choices(view.sketch.sites, [importance[site.name] for site in view.sketch.sites])[0]
    weights = {v: w for v, w in rules.weights(site, view.sketch, view.machine).items() if w and v != site.value}
    return Proposal((SetDecision(site.name, rules.draw(weights, rng)),)) if weights else None
