"""What a member is shown of one node: the program, what it may change, and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_litecoop.nest import Block, Machine
from tvm_litecoop.sites import Site
from tvm_litecoop.values import Program


@dataclass(frozen=True)
class Sketch:
    """One design space as a member sees it: its sites with the values of a sample, and its blocks."""

    index: int
    sites: tuple[Site, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class View:
    """The state a member acts on.

    Attributes:
        program: The program of the node.
        sketch: The sites and blocks of that program, values as they are.
        sketches: Every design space, for proposals that start afresh; read when one is looked at.
        factored: Indices of the design spaces that factor a reduction (`rfactor`).
        mutators: TVM's mutators and their probabilities.
        machine: Facts of the target.
        seconds: Measured run time of the node, or None.
        best_seconds: Best measured run time of the task, or None.
        root: True at the root, where there is no measured program to refine.
    """

    program: Program
    sketch: Sketch
    sketches: Sequence[Sketch]
    factored: frozenset[int]
    mutators: tuple[tuple[str, float], ...]
    machine: Machine
    seconds: float | None = None
    best_seconds: float | None = None
    root: bool = False
