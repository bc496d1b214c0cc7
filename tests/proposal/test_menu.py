"""What may be said: every legal edit can be written, and what is written means what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvm_litecoop.nest import Machine
from tvm_litecoop.proposal.menu import Menu, decisions_said, said, text_of, value_of
from tvm_litecoop.sites import INLINE, ROOT, Choice, Domain, Location, Site, Tile
from tvm_litecoop.values import Mutate, Program, Rejection, SetDecision, SetSketch, Why
from tvm_litecoop.view import Sketch, View

PLACES = Location((INLINE, ROOT, 0, 1), ("inline", "root", "j_0", "j_1"))
SITES = (
    Site("mm.i", Tile(64, 4, max_innermost=64), (4, 4, 2, 2), "mm", 0, position=0),
    Site("mm.j", Tile(48, 4), (1, 1, 3, 16), "mm", 1, position=1),
    Site("mm.k", Tile(32, 2), (8, 4), "mm", 2, position=2),
    Site("exp.j", Tile(48, 2), (3, 16), "exp", 1, position=3),
    Site("unroll", Choice((0, 16, 64, 512)), 1, position=4),
    Site("exp.at", PLACES, ROOT, "exp", position=5),
)
SKETCH = Sketch(1, SITES, ())
MUTATORS = (("MutateTileSize", 0.9), ("MutateUnroll", 0.1))


def view_of(sketches: int = 3) -> View:
    program = Program(1, tuple(site.value for site in SITES))
    others = tuple(Sketch(index, SITES, ()) for index in range(sketches))
    return View(program, SKETCH, others, MUTATORS, Machine())


MENU = Menu.of(view_of())


def test_names_are_as_short_as_they_can_be() -> None:
    assert MENU.names() == ("i", "mm.j", "k", "exp.j", "unroll", "exp.at", "sketch", "mutate")


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("i=8x4x1x2", SetDecision("mm.i", (8, 4, 1, 2))),
        (" exp.j = 6x8 ", SetDecision("exp.j", (6, 8))),
        ("unroll=512", SetDecision("unroll", 3)),
        ("exp.at=j0", SetDecision("exp.at", 0)),
        ("exp.at=inline", SetDecision("exp.at", INLINE)),
        ("sketch=2", SetSketch(2)),
        ("mutate=TileSize", Mutate("MutateTileSize", 7)),
    ],
)
def test_what_is_written_is_meant(text: str, edit: object) -> None:
    assert MENU.edit(text, seed=7) == edit


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("make it fast", Why.MALFORMED),
        ("", Why.MALFORMED),
        ("mm.i=8x4x1x2", Why.UNKNOWN_SITE),
        ("x=1", Why.UNKNOWN_SITE),
        ("i=8", None),  # read as a tile; that it is not legal is for the editor to say
        ("i=eight", Why.ILLEGAL_VALUE),
        ("i=" + "9x" * 5000 + "1", Why.ILLEGAL_VALUE),
        ("unroll=3", Why.ILLEGAL_VALUE),
        ("exp.at=k0", Why.ILLEGAL_VALUE),
        ("mutate=Everything", Why.ILLEGAL_VALUE),
        ("sketch=" + "9" * 5000, Why.UNKNOWN_SITE),
        ("sketch=²", Why.UNKNOWN_SITE),
    ],
)
def test_what_means_nothing_says_why(text: str, why: Why | None) -> None:
    found = MENU.edit(text, seed=1)
    assert found.why == why if isinstance(found, Rejection) else why is None


def test_every_option_is_legal_and_none_is_the_present_value() -> None:
    for name, site in MENU.sites:
        options = MENU.options(name)
        assert len(options) == len(list(site.domain)) - 1
        for option in options:
            edit = MENU.edit(f"{name}={option}", seed=1)
            assert isinstance(edit, SetDecision)
            assert edit.value in site.domain and edit.value != site.value
            assert said(edit, SKETCH) == f"{name}={option}"


def test_without_directed_edits_only_mutators_are_left() -> None:
    menu = Menu.of(replace(view_of(), directed=False))
    assert menu.names() == ("mutate",) and menu.options("mutate") == ["TileSize", "Unroll"]
    assert isinstance(menu.edit("i=8x4x1x2", 1), Rejection) and isinstance(menu.edit("sketch=1", 1), Rejection)


def test_a_program_is_told_in_one_line() -> None:
    told = decisions_said(SKETCH)
    assert " ".join(told) == "sketch=1 i=4x4x2x2 mm.j=1x1x3x16 k=8x4 exp.j=3x16 unroll=16 exp.at=root"


DOMAINS: st.SearchStrategy[Domain] = st.one_of(
    st.builds(Tile, st.integers(1, 96), st.integers(1, 4)),
    st.lists(st.integers(0, 999), min_size=1, max_size=6, unique=True).map(lambda found: Choice(tuple(found))),
    st.just(PLACES),
)


@given(DOMAINS, st.data())
def test_every_value_survives_being_written(domain: Domain, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(list(domain)))
    assert value_of(domain, text_of(domain, value)) == value
