"""The free member `surrogate`: learns from what was measured in this task, and proposes what it expects most of.

A Gaussian process over the decisions (`models.points`) with the expert's arithmetic as its trend. At a program it looks
at hundreds of changes of one or two sites, at the root at whole programs drawn by the rules, and names those with the
best mean plus some share of the uncertainty: small shares refine, large ones explore. The share is drawn anew for each
proposal, so that a batch holds both.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from threadpoolctl import ThreadpoolController

from tvm_litecoop.models import rules
from tvm_litecoop.models.base import Answer, Call, Profile
from tvm_litecoop.models.expert import whole_program
from tvm_litecoop.models.gaussian import Array, Gaussian
from tvm_litecoop.models.points import Points
from tvm_litecoop.sites import Location, Site, Tile, Value
from tvm_litecoop.values import Edit, Program, Proposal, SetDecision
from tvm_litecoop.view import History, View

LEARNED = 128  # programs a fit is made of: the fastest, and the newest
CHANGES = 384  # changes of a program that are looked at
DRAWS = 64  # whole programs that are looked at, at the root
PAIRS = 0.5  # share of the changes that are of two sites
EXPLORE = 2.0  # largest share of the uncertainty
HOPELESS = 0.03  # choices that the rules weigh less than this, against the best of their site, are not looked at
FAILED = 2.0  # a program that does not run counts as this many times slower than the slowest one that does


@dataclass(frozen=True)
class _Fit:
    gaussian: Gaussian
    names: tuple[str, ...]
    measured: int


class Surrogate:
    """A regression instead of a model; free, deterministic for a seed."""

    profile = Profile("surrogate", free=True)

    def __init__(self) -> None:
        self._fits: WeakKeyDictionary[History, _Fit] = WeakKeyDictionary()
        self._blas = ThreadpoolController()

    def ask(self, view: View, k: int, seed: int) -> Call:
        """It thinks at once: a fit after each batch, then a prediction a call."""
        answer = Answer(self._best(view, k, random.Random(seed)))
        return lambda: answer

    def _best(self, view: View, k: int, rng: random.Random) -> tuple[Proposal, ...]:
        """Up to `k` of the candidates, each best by its own share of the uncertainty."""
        candidates = {p: edits for p, edits in _candidates(view, rng).items() if not view.known(p, edits)}
        if not candidates:
            return ()
        with self._blas.limit(limits=1, user_api="blas"):  # threads cost more than they bring, for so small matrices
            mean, deviation = self.predict(view, list(candidates))
        proposals = list(candidates.values())
        found: list[Proposal] = []
        for _ in proposals:
            if len(found) == k:
                break
            best = int(np.argmax(mean + rng.uniform(0.0, EXPLORE) * deviation))
            mean[best] = -np.inf
            if _hold(proposals[best], view):
                found.append(Proposal(proposals[best]))
        return tuple(found)

    def predict(self, view: View, programs: Sequence[Program]) -> tuple[Array, Array]:
        """Log2 of the throughput of programs, up to a constant where nothing was measured, and its deviation."""
        points = Points(programs, view.sketches, view.machine)
        if not view.history.programs:
            return points.expected, np.zeros(len(programs))
        fit = self._fits.get(view.history)
        if fit is None or fit.measured != len(view.history.programs):
            fit = self._fits[view.history] = _fit(view)
        return fit.gaussian.predict(points.matrix(fit.names), points.expected)


def _fit(view: View) -> _Fit:
    measured = len(view.history.programs)
    throughput = np.array(view.history.throughput)
    slowest = throughput[throughput > 0].min() if throughput.any() else 1.0
    values = np.log2(np.maximum(throughput, slowest / FAILED))
    kept = sorted(
        {*np.argsort(-values, kind="stable")[: LEARNED // 2], *range(max(0, measured - LEARNED // 2), measured)}
    )
    points = Points([view.history.programs[row] for row in kept], view.sketches, view.machine)
    names = tuple(points.columns)
    return _Fit(Gaussian(points.matrix(names), points.expected, values[kept]), names, measured)


# ---- what is looked at ---------------------------------------------------------------------------------------------


def _candidates(view: View, rng: random.Random) -> dict[Program, tuple[Edit, ...]]:
    """Programs and the edits that lead there; TVM may still move a decision of them."""
    if view.root:
        return {view.asked(p.edits): p.edits for p in (whole_program(view, rng) for _ in range(DRAWS))}
    importance = rules.importance(view.sketch)
    sites = [(site, values) for site in view.sketch.sites if (values := _promising(site, view))]
    weights = [importance[site.name] for site, _ in sites]
    found: dict[Program, tuple[Edit, ...]] = {}
    drawn = iter(rng.choices(sites, weights, k=2 * CHANGES) if sites else ())
    for one, other in zip(drawn, drawn, strict=True):
        decisions = list(view.program.decisions)
        edits: dict[str, Edit] = {}
        for site, values in (one, other) if rng.random() < PAIRS else (one,):
            value = values[int(rng.random() * len(values))]
            decisions[site.position] = value
            edits[site.name] = SetDecision(site.name, value)
        found[Program(view.program.sketch, tuple(decisions))] = tuple(edits.values())
    return found


def _hold(edits: Sequence[Edit], view: View) -> bool:
    """Whether the places that changes set are there in the program that they make; TVM would move the others."""
    values = {edit.site: edit.value for edit in edits if isinstance(edit, SetDecision)}
    if view.root:
        return True  # drawn one after the other
    after = view.sketch.with_values(values)
    placed = [site for site in after.sites if site.name in values and isinstance(site.domain, Location)]
    return all(rules.weights(site, after, view.machine)[site.value] for site in placed)


def _promising(site: Site, view: View) -> Sequence[Value]:
    """The legal values of a site; of choices and places the present one and the hopeless are left out."""
    if isinstance(site.domain, Tile):
        return site.domain.legal
    weights = rules.weights(site, view.sketch, view.machine)
    weights.pop(site.value, None)
    least = HOPELESS * max(weights.values(), default=0.0)
    return [value for value, weight in weights.items() if weight >= least]
