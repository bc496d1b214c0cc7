"""Edits and decisions in words, from what a journal knows: it names the sites that edits have set, and no others."""

from __future__ import annotations

from collections.abc import Iterable

from tvm_litecoop.search.tree import Tree
from tvm_litecoop.sites import Value
from tvm_litecoop.values import Edit, Mutate, Program, Resample, SetDecision, SetSketch

PLACES = {-1: "root", -2: "inline"}
"""TVM's marks for a compute location that is no loop."""


def edit(edit: Edit) -> str:
    """A change of a program, as a person would write it."""
    match edit:
        case SetDecision(site, value):
            return f"{site} = {decision(value, location=site.endswith('.at'))}"
        case SetSketch(sketch):
            return f"go on in design space {sketch}"
        case Mutate(mutator):
            return f"random {mutator}"
        case Resample(sketch):
            return f"a fresh draw from design space {sketch}"


def edits(edits: Iterable[Edit]) -> list[str]:
    """All changes of a proposal."""
    return [edit(one) for one in edits]


def decision(value: Value, *, location: bool = False) -> str:
    """The value of a site: tile factors outermost first, or an index as TVM counts it, from 0."""
    if isinstance(value, tuple):
        return " × ".join(map(str, value))
    return PLACES.get(value, f"loop {value}") if location else f"option {value}"


class Names:
    """The names of sites by their place in a program, as far as the edits of a tree tell."""

    def __init__(self, tree: Tree) -> None:
        self._names: dict[tuple[int, int], str] = {}
        for node in tree.nodes[1:]:
            program = node.built.program
            for site, value in _left_set(node.edits).items():
                if site not in node.built.moved and program.decisions.count(value) == 1:
                    self._names.setdefault((program.sketch, program.decisions.index(value)), site)

    def decisions(self, program: Program) -> list[str]:
        """All decisions of a program; a site without a known name is numbered."""
        return [self._said(program.sketch, place, value) for place, value in enumerate(program.decisions)]

    def _said(self, sketch: int, place: int, value: Value) -> str:
        name = self._names.get((sketch, place), f"decision {place + 1}")
        return f"{name} = {decision(value, location=name.endswith('.at'))}"


def _left_set(edits: Iterable[Edit]) -> dict[str, Value]:
    """The sites that edits set and leave so: a mutation, or another design space, may change any of those before it."""
    found: dict[str, Value] = {}
    for one in edits:
        if isinstance(one, SetDecision):
            found[one.site] = one.value
        else:
            found.clear()
    return found
