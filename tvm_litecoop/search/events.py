"""Everything that changes a search, as plain values: what `State.apply` takes, and what the journal keeps.

What was drawn, replayed, timed or told by a model is in the event, so that folding events needs no clock, no TVM and no
member.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tvm_litecoop.models.base import Answer, Usage
from tvm_litecoop.values import Built, Measurement, Rejection


@dataclass(frozen=True)
class Started:
    """A tree begins at a program; `member` acts there first."""

    root: Built
    member: str


@dataclass(frozen=True)
class Adopted:
    """Programs that earlier runs measured are taken over.

    Attributes:
        programs: The fastest, each with its seconds; they become children of the root.
        keys: Of all of them, and of those that were rejected since; none is proposed again.
        root_s: Seconds of the program at the root, where it is among them.
        member: Acts on the new children.
        others: The slower ones, with their seconds; they are known, and have no place in the tree.
    """

    programs: tuple[tuple[Built, float], ...]
    keys: tuple[int, ...]
    root_s: float | None
    member: str
    others: tuple[tuple[Built, float], ...] = ()


@dataclass(frozen=True)
class HandedOver:
    """The next step on a node belongs to the largest member."""

    node: int
    member: str


@dataclass(frozen=True)
class Asked:
    """A member is asked about a node.

    Attributes:
        call: Number of the call, which is that of the step.
        account: Under which name it is booked.
        estimate: What it is expected to cost; None for a member that is free.
        background: Whether it flies beside other steps, under virtual loss.
        then: For such a call: who acts on the node meanwhile.
    """

    call: int
    node: int
    account: str
    estimate: Usage | None = None
    background: bool = False
    then: str = ""


@dataclass(frozen=True)
class Answered:
    """A call is over.

    Attributes:
        answer: Of a fault, the kind alone.
        blocked_s: Seconds in which the search stood still for it.
        hidden_s: Seconds of it behind measurements.
    """

    call: int
    answer: Answer
    blocked_s: float = 0.0
    hidden_s: float = 0.0


@dataclass(frozen=True)
class GaveUp:
    """The run ended before the call did."""

    call: int
    blocked_s: float = 0.0


@dataclass(frozen=True)
class Expanded:
    """The usable proposals of an answer were applied.

    Attributes:
        outcomes: What became of each, duplicates refused; every program among them is a new child.
        members: Who acts on each new child.
        member: Who acts on the node next.
    """

    call: int
    outcomes: tuple[Built | Rejection, ...]
    members: tuple[str, ...]
    member: str


@dataclass(frozen=True)
class Chosen:
    """A batch goes to the hardware.

    Attributes:
        batch: Nodes, each with what was predicted of it.
        dropped: Nodes that are predicted to be among the worst; they stay in the tree unmeasured.
        at_s: Seconds since the run began.
        wanted: Programs that the batch was to have.
    """

    batch: tuple[tuple[int, float | None], ...]
    dropped: tuple[int, ...] = ()
    at_s: float = 0.0
    wanted: int = 0


@dataclass(frozen=True)
class Result:
    """What became of one candidate, and what that says of its author.

    Attributes:
        hit: Whether it is faster than the program it was made from (than the best, where that has no time).
        record: Whether it is the best so far.
        small: Whether a larger member than the author could have been asked.
    """

    measurement: Measurement
    hit: bool = False
    record: bool = False
    small: bool = False


@dataclass(frozen=True)
class Measured:
    """A batch, or a part of one, is back from the hardware, which took so many seconds for it alone."""

    results: tuple[Result, ...]
    took_s: float = 0.0


Event: TypeAlias = "Started | Adopted | HandedOver | Asked | Answered | GaveUp | Expanded | Chosen | Measured"
