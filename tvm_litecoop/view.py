"""What a member is shown of one node: the program, what it may change, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from tvm_litecoop.nest import Block, Machine
from tvm_litecoop.sites import Site, Value
from tvm_litecoop.values import Edit, Program, SetDecision, SetSketch


@dataclass(frozen=True)
class Sketch:
    """One design space as a member sees it: its sites with the values of a sample, and its blocks.

    Attributes:
        index: Its position among the design spaces of the task.
        sites: The decisions that can be made, with their present values.
        blocks: The loop nests that they shape, and those that read what a placed one computes.
        stages: What the design space does beside tiling, one phrase each: `matmul_global written back at j1`.
        decisions: All decisions of that sample, those without a choice too.
    """

    index: int
    sites: tuple[Site, ...]
    blocks: tuple[Block, ...]
    stages: tuple[str, ...] = ()
    decisions: tuple[Value, ...] = ()

    def block(self, name: str) -> Block | None:
        """The nest of that name."""
        return next((block for block in self.blocks if block.name == name), None)

    def consumers(self, site: Site) -> list[Block]:
        """The nests that read what a placed block computes."""
        return [block for name in site.consumers if (block := self.block(name)) is not None]

    def with_values(self, values: Mapping[str, Value]) -> Sketch:
        """The same with other values at the sites of these names."""
        sites = (replace(site, value=values[site.name]) if site.name in values else site for site in self.sites)
        return replace(self, sites=tuple(sites))

    def tiles(self, block: str) -> dict[int, tuple[int, ...]]:
        """The tile factors of every tiled axis of a block."""
        return {s.axis: s.value for s in self.sites if s.block == block and isinstance(s.value, tuple)}


@dataclass(frozen=True)
class Traits:
    """What sets a design space of a task apart from the others.

    Attributes:
        factored: So many reductions it factors (`rfactor`).
        lanes: So many of these so that partial results fill vector lanes.
        results: Of the others of these, the one with the fewest results has so many; 0 where there is none.
        prepared: Whether it is of the prepared program (`tvm_litecoop.design_space`).
    """

    factored: int = 0
    lanes: int = 0
    results: int = 0
    prepared: bool = False


@dataclass(frozen=True)
class Loops:
    """What TVM made of one nest.

    Attributes:
        block: Its name.
        parallel: Iterations of its parallel loops.
        vector: Lanes of its vectorised loop.
        unroll: Steps up to which it unrolls.
    """

    block: str
    parallel: int
    vector: int
    unroll: int


@dataclass(frozen=True)
class Shown:
    """A program of the tree as a member sees it.

    Attributes:
        sketch: Its design space, the sites with its values.
        author: Member that proposed it; empty for the root.
        edits: What the author changed against the program above it.
        seconds: Measured run time; None where it was not measured or failed.
        error: What is said of the failure, in one line, if it failed.
        moved: Sites that TVM silently set to another value than asked.
        loops: What TVM made of it.
    """

    sketch: Sketch
    author: str
    edits: tuple[Edit, ...]
    seconds: float | None
    error: str
    moved: tuple[str, ...]
    loops: tuple[Loops, ...]


@dataclass(frozen=True)
class Colleague:
    """A member of the pool as the others see it: size, price, and what it has brought.

    Attributes:
        name: Its name.
        params: Parameter count.
        usd_per_mtok: US dollars for a million tokens read, and for a million written.
        calls: Times it was asked.
        trials: Its programs that were measured.
        hits: Of those, the ones faster than the program they were made from.
        failed: Its proposals that could not be used.
        seconds: What a call of it takes; 0 where it takes none.
    """

    name: str
    params: float
    usd_per_mtok: tuple[float, float]
    calls: int
    trials: int
    hits: int
    failed: int
    seconds: float = 0.0


class History:
    """What was measured of a task: programs and their throughputs (runs per second; 0 where one failed).

    First what earlier runs have measured, then in order. It grows while the task runs, and is the same object for as
    long, so that what was learned of it can be kept. It contains every program of the tree, measured or not.

    Attributes:
        programs: What was measured.
        throughput: Runs per second of each.
    """

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.throughput: list[float] = []
        self._known: set[Program] = set()

    def __contains__(self, program: Program) -> bool:
        return program in self._known

    def know(self, program: Program) -> None:
        """It is in the tree."""
        self._known.add(program)

    def add(self, program: Program, throughput: float) -> None:
        """One more measurement."""
        self.programs.append(program)
        self.throughput.append(throughput)
        self.know(program)


@dataclass(frozen=True)
class View:
    """The state a member acts on. Lazy sequences are read when they are looked at; free members look at few.

    Attributes:
        program: The program of the node.
        sketch: The sites and blocks of that program, values as they are.
        sketches: Every design space, for proposals that start afresh; lazy.
        mutators: TVM's mutators and their probabilities.
        machine: Facts of the target.
        traits: For each design space what sets it apart; nothing for nothing known.
        flops: Arithmetic operations of one run of the program; 0 where unknown.
        root: True at the root, where there is no measured program to refine.
        noise: Relative difference of two run times that means nothing.
        path: The node's program and those above it, nearest first; lazy.
        best: The fastest program of the task, or none; lazy.
        tried: Programs made from this one, newest first; lazy.
        refused: The last proposals here that could not be used, with the reason.
        vain: Directed edits that were made here and did not give the program they ask for, whatever their order.
        rivals: Calls that think about this very program now.
        colleagues: The members of the pool.
        history: Everything that was measured of the task.
        directed: Whether decisions may be set by value; without, only TVM's mutators are on the menu.
        budget: What is left to spend, in words; empty where nothing is limited.
    """

    program: Program
    sketch: Sketch
    sketches: Sequence[Sketch]
    mutators: tuple[tuple[str, float], ...]
    machine: Machine
    traits: tuple[Traits, ...] = ()
    flops: int = 0
    root: bool = False
    noise: float = 0.0
    path: Sequence[Shown] = ()
    best: Sequence[Shown] = ()
    tried: Sequence[Shown] = ()
    refused: tuple[tuple[tuple[Edit, ...], str], ...] = ()
    vain: Set[frozenset[Edit]] = frozenset()
    rivals: int = 0
    colleagues: tuple[Colleague, ...] = ()
    budget: str = ""
    history: History = field(default_factory=History)
    directed: bool = True

    def asked(self, edits: Sequence[Edit]) -> Program:
        """The program that directed edits ask for; where they go to another design space, all its sites among them."""
        index = next((edit.sketch for edit in edits if isinstance(edit, SetSketch)), self.program.sketch)
        sketch = self.sketch if index == self.program.sketch else self.sketches[index]
        values = {edit.site: edit.value for edit in edits if isinstance(edit, SetDecision)}
        decisions: list[Value] = list(sketch.decisions)
        for site in sketch.sites:
            decisions[site.position] = values.get(site.name, site.value)
        return Program(index, tuple(decisions))

    def known(self, program: Program, edits: Sequence[Edit]) -> bool:
        """Whether a program is of the tree or an earlier run, or the edits that ask for it came to nothing here."""
        return program in self.history or frozenset(edits) in self.vain
