"""A toy space for the search: no TVM, every program is a tuple of digits, the fastest is all zeros."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tvm_litecoop.models.base import Answer, Call, Profile, Usage
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.nest import Machine
from tvm_litecoop.search.loop import Search
from tvm_litecoop.sites import Choice, Site
from tvm_litecoop.values import Built, Edit, Measurement, Program, Proposal, Rejection, SetDecision, Why
from tvm_litecoop.view import Loops, Sketch, View


class ToySpace:
    """`digits` decisions with `base` values each; predictions are exact where `predicts` is set."""

    def __init__(self, digits: int = 3, base: int = 4, *, predicts: bool = False) -> None:
        self.digits, self.base, self.predicts = digits, base, predicts

    def initial(self) -> Built | Rejection:
        return self._built(tuple([self.base - 1] * self.digits))

    def view(self, program: Program) -> View:
        domain = Choice(tuple(range(self.base)))
        sites = tuple(
            Site(f"d{i}", domain, value, position=i) for i, value in enumerate(program.decisions) if self.base > 1
        )
        sketch = Sketch(0, sites, (), (), program.decisions)
        return View(program, sketch, (sketch,), (), Machine())

    def apply(self, program: Program, alternatives: Sequence[Sequence[Edit]]) -> list[Built | Rejection]:
        return [self._edited(program, edits) for edits in alternatives]

    def loops(self, program: Program) -> tuple[Loops, ...]:
        return (Loops("toy", 1, 1, 0),)

    def predict(self, programs: Sequence[Program]) -> list[float] | None:
        return [1.0 / toy_seconds(program) for program in programs] if self.predicts else None

    def close(self) -> None:
        pass

    def _edited(self, program: Program, edits: Sequence[Edit]) -> Built | Rejection:
        digits = list(program.decisions)
        for edit in edits:
            assert isinstance(edit, SetDecision)
            position = int(edit.site[1:])
            if not 0 <= position < self.digits or edit.value not in range(self.base):
                return Rejection(Why.ILLEGAL_VALUE, str(edit))
            digits[position] = edit.value
        return self._built(tuple(digits))

    def _built(self, digits: tuple[object, ...]) -> Built:
        program = Program(0, digits)  # type: ignore[arg-type]
        return Built(program, hash(program))


def toy_seconds(program: Program) -> float:
    """Seconds of a toy program: smaller digits are faster."""
    return 0.001 * (1 + sum(int(value) for value in program.decisions if isinstance(value, int)))


@dataclass
class Scripted:
    """A member that says what a function of (view, k, seed) says."""

    name: str
    answer: Callable[[View, int, int], list[Proposal | Rejection]]
    params: float = 1.0
    background: bool = False
    seconds: float = 0.0

    @property
    def profile(self) -> Profile:
        return Profile(self.name, self.params, free=not self.background, background=self.background)

    def ask(self, view: View, k: int, seed: int) -> Call:
        answer = Answer(tuple(self.answer(view, k, seed)), Usage(seconds=self.seconds))

        def call() -> Answer:
            time.sleep(self.seconds)
            return answer

        return call


def measure_all(search: Search, count: int, seconds: Callable[[Program], float | None] = toy_seconds) -> int:
    """One round of ask and tell; how many were measured."""
    batch = search.ask(count)
    search.tell([Measurement(node.id, seconds(node.built.program)) for node in batch])
    return len(batch)


def digits_of(pool_or_search: Search) -> list[tuple[object, ...]]:
    """The programs of a tree in order of creation."""
    return [node.built.program.decisions for node in pool_or_search.tree.nodes]


def pool_of(*members: Scripted) -> Pool:
    """A pool of scripted members."""
    return Pool(list(members))
