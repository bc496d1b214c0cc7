"""One real round trip to a member."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tvm_litecoop.audition import states
from tvm_litecoop.models.base import Member
from tvm_litecoop.models.calls import asked
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.values import Rejection


@dataclass(frozen=True)
class Checked:
    """What came of it.

    Attributes:
        fault: Why there was no answer, or none that could be used; empty where there was one.
        in_form: Alternatives that could be read, of those it gave.
        tokens: Read and written, as its server counts them.
    """

    name: str
    fault: str
    in_form: tuple[int, int]
    seconds: float
    tokens: tuple[int, int]
    usd: float


def round_trips(members: Sequence[Member]) -> list[Checked]:
    """Ask each member about the same recorded state."""
    theatre = states.Theatre(states.load()[0])
    found = [_round_trip(member, next(theatre.states(1, Pool([member]), seed=1))) for member in members]
    theatre.space.close()
    return found


def _round_trip(member: Member, state: states.State) -> Checked:
    start = time.perf_counter()
    answer = asked(member, state.view, 2, seed=1)
    seconds = time.perf_counter() - start
    refused = [one for one in answer.proposals if isinstance(one, Rejection)]
    good = len(answer.proposals) - len(refused)
    fault = f"{answer.fault.kind}: {answer.fault.detail}" if answer.fault else ""
    if not (fault or good):
        fault = f"nothing in form: {refused[0]}" if refused else "no alternatives"
    usage = answer.usage
    tokens = (usage.tokens_in, usage.tokens_out)
    return Checked(member.profile.name, fault, (good, len(answer.proposals)), seconds, tokens, usage.usd)
