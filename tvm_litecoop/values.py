"""The plain values that travel through the house: programs, edits, proposals, rejections, measurements."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tvm_litecoop.sites import Value


@dataclass(frozen=True, slots=True)
class Program:
    """A point of the design space: which sketch, and every decision of its trace in order.

    Replaying it on the workload gives the same kernel in every process, so this is what the tree, the journal and
    the caches store instead of schedules.

    Attributes:
        sketch: Index of the design space.
        decisions: Tile factors outermost first, or an index, as TVM stores them.
    """

    sketch: int
    decisions: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class SetDecision:
    """A directed edit: set a site to a value.

    Attributes:
        site: Its name.
        value: As in `sites.Value`.
    """

    site: str
    value: Value


@dataclass(frozen=True, slots=True)
class SetSketch:
    """A directed edit: go on in another design space, keeping the decisions of sites with the same name.

    Attributes:
        sketch: Index of the design space.
    """

    sketch: int


@dataclass(frozen=True, slots=True)
class Mutate:
    """A random edit by one of TVM's mutators.

    Attributes:
        mutator: Its name, as in `View.mutators`.
        seed: Its randomness.
    """

    mutator: str
    seed: int


@dataclass(frozen=True, slots=True)
class Resample:
    """A random edit: a fresh draw of all decisions of one sketch, as TVM's replay-trace draws them.

    Attributes:
        sketch: Index of the design space.
        seed: Its randomness.
    """

    sketch: int
    seed: int


Edit: TypeAlias = "SetDecision | SetSketch | Mutate | Resample"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a member answers.

    Attributes:
        edits: In the order they are made; at least one.
        next_member: Who should act on the result; empty for no wish.
        reason: One short line, for the report.
    """

    edits: tuple[Edit, ...]
    next_member: str = ""
    reason: str = ""


class Why(str, Enum):
    """Why a proposal could not be used."""

    MALFORMED = "malformed"
    UNKNOWN_SITE = "unknown site"
    ILLEGAL_VALUE = "illegal value"
    NO_CHANGE = "no change"
    REPLAY = "replay failed"
    POSTPROC = "postproc refused"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A proposal that cannot be used: counted against its member and never repaired.

    Where the space refused it, it is shown to the next member at that program.

    Attributes:
        why: The reason, of few.
        detail: What exactly, in one line.
    """

    why: Why
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.why.value}: {self.detail}" if self.detail else self.why.value


@dataclass(frozen=True, slots=True)
class Built:
    """A program that survived replay and postprocs.

    Attributes:
        program: With the decisions TVM settled on, which may differ from the ones asked for.
        key: Identity of the final code (a structural hash); two programs with one key are one kernel.
        moved: Names of the sites TVM silently set to another value than asked.
    """

    program: Program
    key: int
    moved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """What became of one candidate on the hardware.

    Attributes:
        node: The node that was measured.
        seconds: Mean run time of the kernel; None where it failed to build or to run.
        error: What TVM says of a failure, in one line; empty where there was none.
        run_secs: Every run time.
    """

    node: int
    seconds: float | None
    error: str = ""
    run_secs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Times are `rounded`, so that a search and its journal hold the same."""
        object.__setattr__(self, "run_secs", tuple(map(rounded, self.run_secs)))
        if self.seconds is not None:
            object.__setattr__(self, "seconds", rounded(self.seconds))

    @property
    def throughput(self) -> float:
        """Runs per second; 0 where it failed."""
        return 1.0 / self.seconds if self.seconds else 0.0


def rounded(seconds: float) -> float:
    """A run time as it is kept, to five digits: its noise is in the third, and a journal need not hold seventeen."""
    return float(f"{seconds:.5g}")
