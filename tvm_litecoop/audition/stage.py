"""Every member of a pool on recorded states, and what its answers are worth. Nothing is built or run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log

from tvm_litecoop import seeds
from tvm_litecoop.audition import states
from tvm_litecoop.models.base import Fault, Member, Usage
from tvm_litecoop.models.calls import asked
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.values import Built, Proposal

K = 4
"""Alternatives asked of a member in each state."""
PATIENCE = 3
"""Faults in a row after which a member is not asked again; those that say something of the program do not count."""
LONGEST_S = 60.0
"""Seconds a server that asks for time is given before the next state."""


@dataclass
class Score:
    """What a member did in all states.

    Attributes:
        proposals: Alternatives it gave, usable or not.
        valid: Of those, the ones that survived replay and postprocs.
        new: Of those, the ones that were not known before.
        useful: Of those, the ones that the cost model holds faster than the program they were made from.
        lifts: For each state the predicted throughput of its best new program against the program it was shown.
        faults: Calls without an answer.
        fault: Why it is not asked again.
    """

    name: str
    free: bool
    calls: int = 0
    proposals: int = 0
    valid: int = 0
    new: int = 0
    useful: int = 0
    lifts: list[float] = field(default_factory=list)
    faults: int = 0
    in_a_row: int = 0
    fault: str = ""
    seconds: float = 0.0
    usd: float = 0.0

    @property
    def lift(self) -> float:
        """Geometric mean of the predicted lifts; 1 where there is none."""
        return exp(sum(map(log, self.lifts)) / len(self.lifts)) if self.lifts else 1.0

    def add_usage(self, usage: Usage) -> None:
        """Book one call."""
        self.calls += 1
        self.seconds += usage.seconds
        self.usd += usage.usd

    def add_fault(self, fault: Fault) -> None:
        """Book a call without an answer; wait where the server asks for time."""
        self.faults += 1
        self.in_a_row += not fault.of_node
        if fault.lasting or self.in_a_row >= PATIENCE:
            self.fault = f"{fault.kind}: {fault.detail}"
        else:
            time.sleep(min(fault.retry_after_s, LONGEST_S))


def audition(pool: Pool, count: int, seed: int, say: Callable[[str], None]) -> list[Score]:
    """Ask every member about the same states.

    Args:
        pool: Its members are asked one after the other; its budget does not apply.
        count: States, spread over the recorded workloads.
        seed: Which states, and all draws.
        say: Shows one line of progress.
    """
    scores = {name: Score(name, member.profile.free) for name, member in pool.members.items()}
    recorded = states.load()
    for number, task in enumerate(recorded):
        theatre = states.Theatre(task)
        share = count // len(recorded) + (number < count % len(recorded))
        for index, state in enumerate(theatre.states(share, pool, seed)):
            for name, member in pool.members.items():
                if not scores[name].fault:
                    _judge(scores[name], member, state, seeds.fork(seed, task.workload, index))
        theatre.space.close()
        say(f"{task.workload}: {share} states asked")
    return list(scores.values())


def _judge(score: Score, member: Member, state: states.State, seed: int) -> None:
    """One answer, and what it is worth."""
    answer = asked(member, state.view, K, seed)
    score.add_usage(answer.usage)
    if answer.fault is not None:
        score.add_fault(answer.fault)
        return
    score.in_a_row = 0
    score.proposals += len(answer.proposals)
    space, known = state.theatre.space, state.theatre.known
    edits = [one.edits for one in answer.proposals if isinstance(one, Proposal)]
    built = [one for one in space.apply(state.program, edits) if isinstance(one, Built)]
    fresh = list({one.key: one for one in built if one.key not in known}.values())
    score.valid += len(built)
    score.new += len(fresh)
    if not fresh:
        return
    predicted = space.predict([state.program, *(one.program for one in fresh)])
    assert predicted is not None  # a theatre has a cost model
    ratios = [max(value, 1e-3) / max(predicted[0], 1e-3) for value in predicted[1:]]
    score.useful += sum(ratio > 1.0 + state.view.noise for ratio in ratios)
    score.lifts.append(max(ratios))
