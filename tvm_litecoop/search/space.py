"""The seam between the search and the programs it searches over. `tvm_bridge.space` is the real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tvm_litecoop.errors import SearchError
from tvm_litecoop.values import Built, Edit, Program, Rejection
from tvm_litecoop.view import Loops, View


class Space(Protocol):
    """The programs of one task and what can be done to them."""

    def initial(self) -> Built | Rejection:
        """The program the tree starts at."""
        ...

    def view(self, program: Program) -> View:
        """What a member is shown of it (measurements are added by the search)."""
        ...

    def apply(self, program: Program, alternatives: Sequence[Sequence[Edit]]) -> list[Built | Rejection]:
        """Apply each list of edits to the program, replay and run the postprocs; results in the order given."""
        ...

    def loops(self, program: Program) -> tuple[Loops, ...]:
        """What TVM made of the nests of a program."""
        ...

    def predict(self, programs: Sequence[Program]) -> list[float] | None:
        """Scores of programs, higher is faster, in one call of the cost model; None where there is no model."""
        ...

    def close(self) -> None:
        """Let go of threads and caches; calling it again does nothing."""
        ...


def root_of(space: Space) -> Built:
    """The program that a tree starts at.

    Raises:
        SearchError: There is none.
    """
    root = space.initial()
    if isinstance(root, Rejection):
        raise SearchError(f"no program of this design space can be built: {root}")
    return root
