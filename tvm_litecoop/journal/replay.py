"""A search made again on what a journal holds: recorded answers and measurements, no network, no hardware, no TVM.

The same policy gives the same tree, as far as answers came from free members, one after the other, and no batch was
chosen by predictions. Another policy asks other members in another order: each gives the answers that it gave about
that very program, in their order. Where it gave none (any more), another member's answer about the program stands in,
and is counted; where there is none at all, the record has no more to say about that program. Of predictions the record
holds those of the programs that were measured: the others come last. A program that is chosen now and was not then is
counted, and stays unmeasured. Of a run that went on with another pool all members take part from the beginning.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.journal.record import Record
from tvm_litecoop.models.base import Answer, Call, Profile
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.providers import FREE
from tvm_litecoop.nest import Machine
from tvm_litecoop.search.events import Adopted, Answered, Asked, Chosen, Expanded, Measured, Started
from tvm_litecoop.search.loop import Search
from tvm_litecoop.search.state import State
from tvm_litecoop.values import Built, Edit, Measurement, Program, Proposal, Rejection, Why
from tvm_litecoop.view import Loops, Sketch, View

SKETCH = Sketch(0, (), ())
DUPLICATE = Rejection(Why.DUPLICATE)
ESCALATED = ", escalated"


class Recorded:
    """A record, by what a search asks of it: a `search.space.Space`, and what stands behind the members.

    Attributes:
        batches: Their sizes, as wanted.
        prepared: Of each, how many steps were made before its results.
        asked: Answers that were asked for.
        stood_in: Of those, the ones that another member gave.
        missing: Of those, the ones that nobody gave.
        unmeasured: Programs that were chosen and have no measurement.
        first_gap: Trials measured when an answer of the very member, or a measurement, was missing first; None while
            none was.
    """

    def __init__(self, record: Record) -> None:
        self.asked = self.stood_in = self.missing = self.unmeasured = 0
        self.first_gap: int | None = None
        self.trials = 0
        self.batches: list[int] = []
        self.prepared: list[int] = []
        self.adopted: list[tuple[Built, float]] = []
        self.authors: set[str] = set()
        self._answers: dict[Program, deque[tuple[str, Answer]]] = defaultdict(deque)
        self._outcomes: dict[tuple[Program, tuple[Edit, ...]], Built | Rejection] = {}
        self._predicted: dict[Program, float] = {}
        self._measured: dict[int, Measurement] = {}
        started, *events = record.events
        assert isinstance(started, Started)
        self.root = started.root
        state = State(started, record.config)
        for event in events:
            match event:
                case Asked(background=False) if state.running and self.prepared:
                    self.prepared[-1] += 1
                case Answered(call, answer):
                    program = state.tree.nodes[state.asked[call].node].built.program
                    account = state.asked[call].account.removesuffix(ESCALATED)
                    self._answers[program].append((account, answer))
                    self.authors.add(account)
                case Expanded(call, outcomes):
                    asked, answered = state.answered[call]
                    program = state.tree.nodes[asked.node].built.program
                    usable = (one for one in answered.answer.proposals if isinstance(one, Proposal))
                    for proposal, outcome in zip(usable, outcomes, strict=True):
                        if outcome != DUPLICATE:
                            self._outcomes[program, proposal.edits] = outcome
                case Chosen(batch, wanted=wanted):
                    if wanted:  # 0 for what a process had measured that did not live to tell
                        self.batches.append(wanted)
                        self.prepared.append(0)
                    for node, score in batch:
                        if score is not None:
                            self._predicted[state.tree.nodes[node].built.program] = score
                case Measured(results):
                    for one in results:
                        self._measured[state.tree.nodes[one.measurement.node].built.key] = one.measurement
                case Adopted(programs, _, root_s, _, others):
                    self.adopted += [*programs, *others, *([(self.root, root_s)] if root_s else [])]
            state.apply(event)
        self.recorded_trials = state.trials

    # ---- as a space --------------------------------------------------------------------------------------------------

    def initial(self) -> Built | Rejection:
        """Where the tree began."""
        return self.root

    def view(self, program: Program) -> View:
        """Recorded members look at the program alone."""
        return View(program, SKETCH, (SKETCH,), (), Machine())

    def apply(self, program: Program, alternatives: Sequence[Sequence[Edit]]) -> list[Built | Rejection]:
        """What came of these very edits; where that is not recorded, nothing new."""
        return [self._outcomes.get((program, tuple(edits)), DUPLICATE) for edits in alternatives]

    def loops(self, program: Program) -> tuple[Loops, ...]:
        """Nobody looks."""
        return ()

    def predict(self, programs: Sequence[Program]) -> list[float] | None:
        """What was predicted as they were chosen, the least of what never was; None where nothing was predicted."""
        known = [self._predicted.get(program) for program in programs]
        if all(score is None for score in known):
            return None
        return [-math.inf if score is None else score for score in known]

    def close(self) -> None:
        """Nothing to let go of."""

    # ---- as members and hardware -------------------------------------------------------------------------------------

    def answer(self, name: str, program: Program) -> Answer:
        """What that member says of that program, the next time it is asked."""
        self.asked += 1
        answers = self._answers[program]
        own = next((one for one in answers if one[0] == name), None)
        if own is None:
            self._gap()
            self.stood_in += bool(answers)
            self.missing += not answers
        found = own or (answers[0] if answers else None)
        if found is None:
            return Answer(())
        answers.remove(found)
        answer = found[1]
        if answer.fault is None:
            return answer
        return replace(answer, fault=replace(answer.fault, of_node=True))  # nobody is benched by the clock of a replay

    def measure(self, node: int, key: int) -> Measurement | None:
        """What was measured of a program; None where it never was."""
        found = self._measured.get(key)
        if found is None:
            self._gap()
            self.unmeasured += 1
            return None
        self.trials += 1
        return Measurement(node, found.seconds, found.error, found.run_secs)

    def _gap(self) -> None:
        if self.first_gap is None:
            self.first_gap = self.trials


@dataclass(frozen=True)
class RecordedMember:
    """A member that says what it said."""

    recorded: Recorded
    profile: Profile

    def ask(self, view: View, k: int, seed: int) -> Call:
        """Its answers about the program of the view, in their order."""
        answer = self.recorded.answer(self.profile.name, view.program)
        return lambda: answer


def _profile(name: str, params: float, authors: set[str]) -> Profile:
    """A member's size; asking it costs nothing now. A model that never had a turn has none; free members always may."""
    if name in FREE:
        return FREE[name]().profile
    asked = name in authors
    return Profile(name, params, free=asked, slow_s=0.0 if asked else math.inf)


@dataclass
class Replayed:
    """What came of a replay.

    Attributes:
        search: The search.
        recorded: What it was made from, and what was missing there.
        curve: Trial and best seconds so far, wherever the best changed.
    """

    search: Search
    recorded: Recorded
    curve: list[tuple[int, float, str]] = field(default_factory=list)

    def where_it_ends(self) -> str:
        """How far the record reaches, in one line."""
        one = self.recorded
        reach = f"the record ends after {one.trials} of its {one.recorded_trials} trials"
        if one.first_gap is None:
            return f"{reach}; every answer was recorded"
        gaps = f"{one.stood_in} of {one.asked} answers stood in for others, {one.missing} were missing"
        if one.unmeasured:
            gaps += f", {one.unmeasured} programs were never measured"
        return f"{reach}; from trial {one.first_gap} on it is an approximation: {gaps}"


def replay(record: Record, config: SearchConfig | None = None) -> Replayed:
    """Make the search of a record again.

    Args:
        record: One task.
        config: Other settings; the recorded ones where none are given.
    """
    recorded = Recorded(record)
    profiles = [_profile(name, params, recorded.authors) for name, params in record.params.items()]
    members = [RecordedMember(recorded, profile) for profile in profiles]
    search = Search(recorded, Pool(members), config or record.config, record.seed)
    search.adopt(recorded.adopted)
    done = Replayed(search, recorded)
    best = search.tree.root.best
    sizes = deque(zip(recorded.batches, recorded.prepared, strict=True))
    while recorded.trials < recorded.recorded_trials:
        size, steps = sizes.popleft() if sizes else (recorded.batches[-1], 0)
        batch = search.ask(size)
        if not batch:
            break
        results: list[Measurement] = []
        for node in batch:
            found = recorded.measure(node.id, node.built.key)
            if found is None:
                continue
            results.append(found)
            if found.throughput > best:
                best = found.throughput
                done.curve.append((recorded.trials, 1.0 / best, node.author))
        for _ in range(steps):
            search.step(wait=False)
        search.tell(results)
    return done
