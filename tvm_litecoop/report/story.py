"""One task as its events tell it: the tree at the end, and what the tree itself forgets about each node."""

from __future__ import annotations

from dataclasses import dataclass, field

from tvm_litecoop.journal.record import Record
from tvm_litecoop.models.books import Books
from tvm_litecoop.search.booking import book
from tvm_litecoop.search.events import Adopted, Answered, Asked, Chosen, Event, Expanded, HandedOver, Measured, Started
from tvm_litecoop.search.state import State
from tvm_litecoop.values import Built, Edit, Proposal, Rejection

REFUSALS = 5
"""Refused proposals of a node that are kept, the newest."""


@dataclass
class Note:
    """What happened at a node.

    Attributes:
        step: In which it was proposed; 0 for the root and for programs of earlier runs.
        reason: What its author said for it.
        trial: Its number among the measured programs; 0 where it was not measured.
        run_s: Its run times, seconds.
        predicted: Score of the cost model when it was chosen.
        refused: The newest proposals about it that could not be used: by whom, which edits, why.
        refusals: How many there were.
        handed: Members it was handed to by an escalation.
    """

    step: int = 0
    reason: str = ""
    trial: int = 0
    run_s: tuple[float, ...] = ()
    predicted: float | None = None
    refused: list[tuple[str, tuple[Edit, ...], str]] = field(default_factory=list)
    refusals: int = 0
    handed: list[str] = field(default_factory=list)

    def refuse(self, account: str, edits: tuple[Edit, ...], why: Rejection) -> None:
        """A proposal about it could not be used."""
        self.refused = [*self.refused, (account, edits, str(why))][-REFUSALS:]
        self.refusals += 1


@dataclass(frozen=True)
class Point:
    """One trial: the node, when its batch was back (seconds since the run began), its own seconds if it ran."""

    node: int
    at_s: float
    seconds: float | None


class Story:
    """What a record tells.

    Args:
        record: A task with its events.
        books: Of the run, to which the task is added.

    Attributes:
        state: At the end.
        notes: For each node.
        points: Trials in their order.
        paid: Accounts whose calls cost money or time that counts.
        measuring_s: Seconds in which programs were built and timed.
        end_s: When the last thing happened that has a time.
    """

    def __init__(self, record: Record, books: Books) -> None:
        started, *events = record.events
        assert isinstance(started, Started)
        self.state = State(started, record.config)
        self.notes = [Note()]
        self.points: list[Point] = []
        self.paid: set[str] = set()
        self.measuring_s = self.end_s = 0.0
        for event in events:
            self._note(event)
            book(event, self.state, books)
            self.state.apply(event)

    def _note(self, event: Event) -> None:
        """Keep what of an event the state does not; the state is the one before it."""
        match event:
            case Asked(account=account, estimate=estimate) if estimate is not None:
                self.paid.add(account)
            case Answered(call, answer):
                asked = self.state.asked[call]
                for refused in answer.proposals:
                    if isinstance(refused, Rejection):
                        self.notes[asked.node].refuse(asked.account, (), refused)
            case Expanded():
                self._expand(event)
            case HandedOver(node, member):
                self.notes[node].handed.append(member)
            case Chosen(batch):
                self.end_s = max(self.end_s, event.at_s)
                for node, predicted in batch:
                    self.notes[node].predicted = predicted
            case Measured(results):
                self.measuring_s += event.took_s
                self.end_s += event.took_s
                for result in results:
                    one = result.measurement
                    self.points.append(Point(one.node, self.end_s, one.seconds))
                    self.notes[one.node].trial = len(self.points)
                    self.notes[one.node].run_s = one.run_secs
            case Adopted(programs):
                self.notes += [Note() for _ in programs]

    def _expand(self, event: Expanded) -> None:
        asked, answered = self.state.answered[event.call]
        usable = [one for one in answered.answer.proposals if isinstance(one, Proposal)]
        for proposal, outcome in zip(usable, event.outcomes, strict=True):
            if isinstance(outcome, Built):
                self.notes.append(Note(event.call, proposal.reason))
            else:
                self.notes[asked.node].refuse(asked.account, proposal.edits, outcome)
