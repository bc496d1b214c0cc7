"""Events as compact JSON and back; `journal.plain` writes the values in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tvm_litecoop.journal import plain
from tvm_litecoop.models.base import Answer, Fault, Usage
from tvm_litecoop.search.events import (
    Adopted,
    Answered,
    Asked,
    Chosen,
    Event,
    Expanded,
    GaveUp,
    HandedOver,
    Measured,
    Started,
)
from tvm_litecoop.values import Built, Program, Rejection

KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (Started, Adopted, HandedOver, Asked, Answered, GaveUp, Expanded, Chosen, Measured)
}
"""Names of the kinds of event in a journal."""


class Codec:
    """Writes or reads the events of one task, in their order.

    It remembers what went through it: a program is written as its difference from an earlier one, a member's name once
    and then as a number.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._programs: list[Program] = []  # by node
        self._asked: dict[int, int] = {}  # call -> node, until its answer was applied

    def encode(self, event: Event) -> tuple[str, str]:
        """The kind of an event, and its text."""
        body = getattr(self, f"_{(kind := type(event).__name__.lower())}_out")(event)
        return kind, json.dumps(body, separators=(",", ":"))

    def decode(self, kind: str, text: str) -> Event:
        """The event.

        Raises:
            ValueError: The text is none of ours.
        """
        try:
            event: Event = getattr(self, f"_{KINDS[kind].__name__.lower()}_in")(*json.loads(text))
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise ValueError(f"no event: {error}") from None
        return event

    def _number(self, name: str) -> str | int:
        if name in self._names:
            return self._names.index(name)
        if name:
            self._names.append(name)
        return name

    def _name(self, number: str | int) -> str:
        if isinstance(number, int):
            return self._names[number]
        if number:
            self._names.append(number)
        return number

    def _started_out(self, event: Started) -> list[Any]:
        self._programs.append(event.root.program)
        return [plain.built(event.root), self._number(event.member)]

    def _started_in(self, root: list[Any], member: str | int) -> Started:
        built = plain.to_built(root)
        self._programs.append(built.program)
        return Started(built, self._name(member))

    def _adopted_out(self, event: Adopted) -> list[Any]:
        root = self._programs[0]
        self._programs += [built.program for built, _ in event.programs]
        programs, others = (
            [[plain.built(built, root), seconds] for built, seconds in some] for some in (event.programs, event.others)
        )
        return plain.short([programs, list(event.keys), event.root_s, self._number(event.member), others], ([],))

    def _adopted_in(
        self,
        programs: list[Any],
        keys: list[int],
        root_s: float | None,
        member: str | int,
        others: Sequence[Any] = (),
    ) -> Adopted:
        root = self._programs[0]
        found, rest = (
            tuple((plain.to_built(built, root), seconds) for built, seconds in some) for some in (programs, others)
        )
        self._programs += [built.program for built, _ in found]
        return Adopted(found, tuple(keys), root_s, self._name(member), rest)

    def _handedover_out(self, event: HandedOver) -> list[Any]:
        return [event.node, self._number(event.member)]

    def _handedover_in(self, node: int, member: str | int) -> HandedOver:
        return HandedOver(node, self._name(member))

    def _asked_out(self, event: Asked) -> list[Any]:
        self._asked[event.call] = event.node
        estimate = None if event.estimate is None else plain.usage(event.estimate)
        account, then = self._number(event.account), self._number(event.then)
        return plain.short([event.call, event.node, account, estimate, int(event.background), then], (None, 0, ""))

    def _asked_in(
        self,
        call: int,
        node: int,
        account: str | int,
        usage: list[Any] | None = None,
        background: int = 0,
        then: str | int = "",
    ) -> Asked:
        self._asked[call] = node
        estimate = None if usage is None else Usage(*usage)
        return Asked(call, node, self._name(account), estimate, bool(background), self._name(then))

    def _answered_out(self, event: Answered) -> list[Any]:
        answer = event.answer
        proposals = [
            plain.rejection(one) if isinstance(one, Rejection) else plain.proposal(one) for one in answer.proposals
        ]
        fault = answer.fault.kind if answer.fault else ""
        values = [event.call, proposals, plain.usage(answer.usage), fault, int(answer.cached), event.blocked_s]
        return plain.short([*values, event.hidden_s], ([], "", 0, 0, 0))

    def _answered_in(
        self,
        call: int,
        proposals: list[Any],
        usage: Sequence[Any] = (),
        fault: str = "",
        cached: int = 0,
        blocked_s: float = 0.0,
        hidden_s: float = 0.0,
    ) -> Answered:
        found = tuple(
            plain.to_rejection(one) if isinstance(one[0], str) else plain.to_proposal(*one) for one in proposals
        )
        answer = Answer(found, Usage(*usage), Fault(fault) if fault else None, bool(cached))
        return Answered(call, answer, blocked_s, hidden_s)

    def _gaveup_out(self, event: GaveUp) -> list[Any]:
        self._asked.pop(event.call, None)
        return [event.call, event.blocked_s]

    def _gaveup_in(self, call: int, blocked_s: float) -> GaveUp:
        self._asked.pop(call, None)
        return GaveUp(call, blocked_s)

    def _expanded_out(self, event: Expanded) -> list[Any]:
        parent = self._programs[self._asked.pop(event.call)]
        self._programs += [one.program for one in event.outcomes if isinstance(one, Built)]
        outcomes = [
            plain.rejection(one) if isinstance(one, Rejection) else plain.built(one, parent) for one in event.outcomes
        ]
        return [event.call, outcomes, *map(self._number, (event.member, *event.members))]

    def _expanded_in(self, call: int, outcomes: list[Any], *members: str | int) -> Expanded:
        parent = self._programs[self._asked.pop(call)]
        found = tuple(
            plain.to_rejection(one) if isinstance(one[0], str) else plain.to_built(one, parent) for one in outcomes
        )
        self._programs += [one.program for one in found if isinstance(one, Built)]
        member, *new = map(self._name, members)
        return Expanded(call, found, tuple(new), member)

    def _chosen_out(self, event: Chosen) -> list[Any]:
        return [event.at_s, event.wanted, [list(pair) for pair in event.batch], *event.dropped]

    def _chosen_in(self, at_s: float, wanted: int, batch: list[Any], *dropped: int) -> Chosen:
        return Chosen(tuple((node, predicted) for node, predicted in batch), dropped, at_s, wanted)

    def _measured_out(self, event: Measured) -> list[Any]:
        return [event.took_s, *map(plain.result, event.results)]

    def _measured_in(self, took_s: float, *results: list[Any]) -> Measured:
        return Measured(tuple(plain.to_result(*one) for one in results), took_s)
