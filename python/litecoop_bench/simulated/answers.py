"""What a *simulated* model says to one view: the expert's edits, or random legal ones, as text."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from litecoop_bench.simulated.models import Simulated
from tvm_litecoop import seeds
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.proposal.menu import EDITS, Menu, said
from tvm_litecoop.values import Proposal, SetDecision, SetSketch
from tvm_litecoop.view import View

DRAWS = 8
"""Draws of the expert for one alternative: those that change nothing, or the sketch and more, cannot be written."""

Alternatives = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Sheet:
    """All a model could say to one view, made where the view can be read: its own thread."""

    expert: Alternatives
    arbitrary: Alternatives


def sheet_of(view: View, menu: Menu, k: int, seed: int) -> Sheet:
    """`k` alternatives of each kind."""
    rng = seeds.rng(seed, "arbitrary")
    expert = tuple(edits for number in range(k) if (edits := _expert(view, seeds.fork(seed, "expert", number))))
    return Sheet(expert, tuple(_arbitrary(menu, rng) for _ in range(k if menu.names() else 0)))


def write(model: Simulated, sheet: Sheet, members: Sequence[str], rng: random.Random) -> str:
    """An answer of that model.

    Args:
        model: Its skill decides which half of the sheet it reads, its malformed share whether it ends too early.
        sheet: What it could say.
        members: Who can act next; one is drawn.
        rng: All chance of this answer.
    """
    skilled, cut = rng.random() < model.skill, rng.random() < model.malformed
    found = {
        "reason": "simulated",
        "alternatives": sheet.expert if skilled else sheet.arbitrary,
        "next": rng.choice(members) if members else "",
    }
    text = json.dumps(found)
    return text[: len(text) // 2] if cut else text


def _expert(view: View, seed: int) -> tuple[str, ...]:
    """One alternative of the expert that the menu of this program can express."""
    switch: tuple[str, ...] = ()
    for draw in range(DRAWS):
        for proposal in Expert().propose(view, 1, seeds.fork(seed, draw)).proposals:
            assert isinstance(proposal, Proposal)
            first = proposal.edits[0] if proposal.edits else None
            if isinstance(first, SetSketch):  # its further edits are sites of the other sketch, which has other names
                switch = switch or (said(first, view.sketch),)
            elif edits := _changes(proposal, view):
                return edits
    return switch


def _changes(proposal: Proposal, view: View) -> tuple[str, ...]:
    """The edits that set a site to something new, as many as an answer may have."""
    now = {site.name: site.value for site in view.sketch.sites}
    kept = [edit for edit in proposal.edits if isinstance(edit, SetDecision) and now.get(edit.site) != edit.value]
    return tuple(said(edit, view.sketch) for edit in kept[:EDITS])


def _arbitrary(menu: Menu, rng: random.Random) -> tuple[str, ...]:
    """One random edit from the menu."""
    names = [name for name in menu.names() if menu.options(name)]
    if not names:
        return ()
    name = rng.choice(names)
    return (f"{name}={rng.choice(menu.options(name))}",)
