"""The state of one search. It changes through `apply` alone, in a live run and when a journal is folded.

Invariants: the calls under way are exactly the ones asked and neither answered nor given up; each in the background
holds virtual loss on its node's path; a node is waiting, running, measured, or dropped, never two of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.search import escalation
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
    Result,
    Started,
)
from tvm_litecoop.search.tree import Tree
from tvm_litecoop.search.trust import Trust
from tvm_litecoop.values import Built, Proposal, SetDecision, SetSketch, Why

NOTHING_NEW = (Why.DUPLICATE, Why.NO_CHANGE)
REFUSED_KEPT = 3
"""Refused proposals of a node that are shown to the next member there."""
REFUSALS_PER_DUPLICATE = 32
"""Expansions in which a proposal was refused that say as much about a node being spent as one without any new one."""


class Totals(NamedTuple):
    """Of a search: trials, seconds in which it stood still for members, seconds of members behind measurements."""

    trials: int
    blocked_s: float
    hidden_s: float


class State:
    """What a search knows.

    Args:
        started: Where the tree begins.
        config: Says when a node is spent and when a step is handed over.

    Attributes:
        tree: The nodes.
        trust: Whether predictions may be believed.
        seen: Keys of all programs that are known.
        waiting: Unmeasured nodes by id, in order of creation.
        running: Nodes being measured, and what was predicted of them.
        escalated: Parents to be handed to the largest member.
        asked: Calls under way, by number.
        answered: Calls that are over and not yet applied, with what was asked.
        chosen_among: Nodes there were when the newest batch was chosen; adopted ones count as of then.
        chosen_trusting: Whether predictions were believed then.
        steps, escalations, batches, trials: How many there were; adopted programs are no trials.
        blocked_s: Seconds in which the search stood still for members.
        hidden_s: Seconds in which members thought behind measurements.
    """

    def __init__(self, started: Started, config: SearchConfig) -> None:
        self.tree = Tree(started.root, started.member)
        self.trust = Trust()
        self.seen: set[int] = {started.root.key}
        self.waiting: dict[int, None] = {}
        self.running: dict[int, float | None] = {}
        self.escalated: deque[int] = deque()
        self.asked: dict[int, Asked] = {}
        self.answered: dict[int, tuple[Asked, Answered]] = {}
        self.steps = self.escalations = self.batches = self.trials = 0
        self.chosen_among, self.chosen_trusting = 1, False
        self.blocked_s = self.hidden_s = 0.0
        self._config = config

    @property
    def totals(self) -> Totals:
        """What the searches of a run add up."""
        return Totals(self.trials, self.blocked_s, self.hidden_s)

    @classmethod
    def of(cls, events: Iterable[Event], config: SearchConfig) -> State:
        """The state that a whole history comes to."""
        started, *others = events
        if not isinstance(started, Started):
            raise ValueError("a history begins with its start")
        state = cls(started, config)
        for event in others:
            state.apply(event)
        return state

    def apply(self, event: Event) -> None:
        """The one way in which a search changes."""
        match event:
            case Asked():
                self._ask(event)
            case Answered() | GaveUp():
                self._land(event)
            case Expanded():
                self._expand(event)
            case HandedOver(node, member):
                while self.escalated and self.escalated.popleft() != node:
                    pass
                self.tree.nodes[node].member = member
                self.escalations += 1
            case Chosen(batch, dropped, wanted=wanted):
                for node, predicted in batch:
                    self.waiting.pop(node, None)
                    self.running[node] = predicted
                for node in dropped:
                    del self.waiting[node]
                    self.tree.set_spent(self.tree.nodes[node])
                self.batches += bool(batch)
                if wanted:
                    self.chosen_among, self.chosen_trusting = len(self.tree), self.trust.trusted
            case Measured(results):
                self._measure(results)
            case Adopted():
                self._adopt(event)
            case Started():
                raise ValueError("a search starts once")

    def _ask(self, event: Asked) -> None:
        self.steps = event.call
        self.asked[event.call] = event
        if event.background:
            node = self.tree.nodes[event.node]
            self.tree.hold(node)
            node.member = event.then

    def _land(self, event: Answered | GaveUp) -> None:
        asked = self.asked.pop(event.call)
        self.blocked_s += event.blocked_s
        if asked.background:
            self.tree.hold(self.tree.nodes[asked.node], -1)
        if isinstance(event, Answered):
            self.hidden_s += event.hidden_s
            self.answered[event.call] = asked, event

    def _expand(self, event: Expanded) -> None:
        """Attach the programs that are new, and hand the node to its next member."""
        asked, answered = self.answered.pop(event.call)
        node, members = self.tree.nodes[asked.node], iter(event.members)
        usable = [one for one in answered.answer.proposals if isinstance(one, Proposal)]
        added, refused = False, answered.answer.fault is not None or len(usable) < len(answered.answer.proposals)
        for proposal, outcome in zip(usable, event.outcomes, strict=True):
            if isinstance(outcome, Built):
                child = self.tree.add(node, outcome, asked.account, next(members), proposal.edits)
                self.seen.add(outcome.key)
                self.waiting[child.id] = None
                added = True
            else:
                node.refused = [*node.refused, (proposal.edits, str(outcome))][-REFUSED_KEPT:]
                refused = refused or outcome.why not in NOTHING_NEW
            if (not isinstance(outcome, Built) or outcome.moved) and _directed(proposal):
                node.vain.add(frozenset(proposal.edits))
        # a refusal says that the proposal was bad, not that there is nothing new here; on a GPU most are refused
        node.barren = 0 if added else node.barren + (1 if refused else REFUSALS_PER_DUPLICATE)
        if not added:
            self.tree.visit(node)
        if node.barren >= self._config.patience * REFUSALS_PER_DUPLICATE:
            self.tree.set_spent(node)
        node.member = event.member

    def _measure(self, results: tuple[Result, ...]) -> None:
        """Back the measurements up, and escalate after persistent regressions."""
        measured = [result.measurement for result in results]
        predicted = [(self.running[m.node], m.throughput) for m in measured]
        pairs = [(score, throughput) for score, throughput in predicted if score is not None]
        if pairs:
            self.trust.observe([score for score, _ in pairs], [throughput for _, throughput in pairs])
        for result, one in zip(results, measured, strict=True):
            del self.running[one.node]
            self.trials += 1
            node = self.tree.nodes[one.node]
            node.error = one.error
            self.tree.set_throughput(node, one.throughput)
            if not one.throughput:
                self.tree.set_spent(node)  # nothing is built on a program that does not run
            parent = self.tree.parent(node)
            if parent is None or not parent.measured:
                continue
            if escalation.update_streak(self.tree, node, result.small, self._config):
                self.escalated.append(parent.id)

    def _adopt(self, event: Adopted) -> None:
        root = self.tree.root
        self.seen.update(event.keys)
        if event.root_s is not None:
            self.tree.set_throughput(root, 1.0 / event.root_s)
        for built, seconds in reversed(event.others):  # the fastest last, as in a run
            self.tree.history.add(built.program, 1.0 / seconds)
        for built, seconds in event.programs:
            node = self.tree.add(root, built, "database", event.member, ())
            self.tree.set_throughput(node, 1.0 / seconds)
        self.chosen_among += len(event.programs)


def _directed(proposal: Proposal) -> bool:
    """Whether it says what it wants; what is drawn at random comes out otherwise the next time."""
    return all(isinstance(edit, SetDecision | SetSketch) for edit in proposal.edits)
