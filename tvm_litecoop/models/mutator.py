"""The free member `mutator`: TVM's own random mutators, in TVM's proportions, as a member like any other."""

from __future__ import annotations

import random

from tvm_litecoop.models.base import Answer, Call, Profile
from tvm_litecoop.sites import Choice, Location, Tile
from tvm_litecoop.values import Edit, Mutate, Proposal, Resample
from tvm_litecoop.view import View

DOUBT = 4.0
"""Fresh samples, with which it has to begin, took eight times as long as the best (medians over thirteen workloads)."""


CHANGES: dict[str, type] = {"MutateTileSize": Tile, "MutateComputeLocation": Location, "MutateUnroll": Choice}
"""What a mutator changes; one that finds nothing of it in a program changes nothing (a softmax has no tiles)."""


class Mutator:
    """Proposes what TVM's evolutionary search would: a mutation of a program, at the root a fresh sample.

    But for `MutateParallel`, which changes an annotation of the design space and no decision.

    Source: `EvolutionarySearchNode` in src/s_tir/meta_schedule/search_strategy/evolutionary_search.cc.
    """

    profile = Profile("mutator", free=True, doubt=DOUBT)

    def ask(self, view: View, k: int, seed: int) -> Call:
        """`k` random edits."""
        rng = random.Random(seed)
        answer = Answer(tuple(Proposal((self._edit(view, rng),)) for _ in range(k)))
        return lambda: answer

    def _edit(self, view: View, rng: random.Random) -> Edit:
        seed = rng.randrange(1, 2**31 - 1)
        if view.root or not view.mutators:
            return Resample(rng.randrange(len(view.sketches)), seed)  # looking at one would have it read
        there = {type(site.domain) for site in view.sketch.sites}
        able = [(name, weight) for name, weight in view.mutators if CHANGES.get(name) in (None, *there)]
        names, weights = zip(*(able or view.mutators), strict=True)
        return Mutate(rng.choices(names, weights)[0], seed)
