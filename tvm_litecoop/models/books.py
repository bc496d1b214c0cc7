"""The books of a pool: what each member has cost and brought, what was spent, how long a trial takes.

They change by what `search.booking` reads out of events, in a live run and when a journal is folded.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from tvm_litecoop.models.base import NOT_SENT, TIMEOUT, Answer, Usage
from tvm_litecoop.models.budget import Budget, Limits
from tvm_litecoop.models.stats import UNKNOWN_MEMBER, MemberStats
from tvm_litecoop.values import Proposal, Rejection


class Books:
    """Counters by account, which is a member's name, or that with `, escalated`.

    Args:
        members: Names of the pool.
        limits: What may be spent.

    Attributes:
        stats: By account.
        budget: Of all members together.
        hidden_s: Seconds of calls behind measurements.
    """

    def __init__(self, members: Iterable[str], limits: Limits | None = None) -> None:
        self.stats = {name: MemberStats() for name in members}
        self.budget = Budget(limits)
        self.hidden_s = 0.0
        self._events: dict[str, int] = {}
        self._before: dict[str, float] = defaultdict(float)
        self._flying: Counter[str] = Counter()
        self._members = frozenset(self.stats)
        self._trials, self._trials_s = 0, 0.0
        self._start = time.monotonic()

    def begin(self) -> None:
        """A run begins now: the pool may have been made long before, and used in another one."""
        self._start = time.monotonic()
        self._before.update({account: stats.blocked_s for account, stats in self.stats.items()})
        self._flying.clear()
        self.budget.begin()

    def holds(self, task: str, number: int) -> bool:
        """Whether an event is in these books already, of a run in this process that was cut off; now it is.

        Args:
            task: Names the task and its journal; empty for one that is kept nowhere.
            number: Of its events, from 1.
        """
        known = self._events.get(task, 0)
        if task:
            self._events[task] = max(known, number)
        return number <= known

    def holds_no_more(self, task: str, number: int) -> None:
        """What comes after that event of a task is new, whatever came there before it was cut off."""
        if task:
            self._events[task] = number

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._start

    @property
    def trial_s(self) -> float | None:
        """Seconds that one program took to be built and timed, so far; None before the first batch is back."""
        return self._trials_s / self._trials if self._trials_s else None

    def has_run(self, seconds: float) -> None:
        """The run began at least so many seconds ago, maybe in an earlier process."""
        self._start = min(self._start, time.monotonic() - seconds)

    @staticmethod
    def account(name: str, *, escalated: bool) -> str:
        """Under which name a call is booked.

        Calls after an escalation are booked apart, as `<name>, escalated`: they begin where others have failed, and
        would make the member look worse or dearer than it is.
        """
        return f"{name}, escalated" if escalated else name

    def blocked(self, name: str) -> tuple[int, float]:
        """Calls of a member, those after escalations too, and the seconds that the search stood still for them."""
        found = self._found(name)
        return sum(stats.calls for stats in found), sum(stats.blocked_s for stats in found)

    def usual(self, name: str) -> Usage | None:
        """What a call of a member costs on average, those after escalations too; None before its first answer."""
        found = self._found(name)
        answers, n = sum(stats.answers for stats in found), sum(stats.billed for stats in found)
        if not answers:
            return None
        tokens_in, tokens_out = sum(stats.tokens_in for stats in found) // n, sum(s.tokens_out for s in found) // n
        seconds = sum(stats.answered_s for stats in found) / answers
        return Usage(tokens_in, tokens_out, sum(stats.usd for stats in found) / n, seconds)

    def flying(self, name: str) -> int:
        """Calls of a member, of all tasks, that are made and not yet booked."""
        return sum(self._flying[account] for account in self._accounts(name))

    def blocked_in_run(self, name: str) -> float:
        """Of these seconds, those since the run began."""
        return self.blocked(name)[1] - sum(self._before[account] for account in self._accounts(name))

    def was_called(self, account: str, estimate: Usage | None, answer: Answer | None, blocked_s: float) -> None:
        """What was booked of a call before is of this run, which is gone on with; None for an answer that came late."""
        self._before[account] -= blocked_s
        cost = estimate if answer is None else _cost(estimate, answer)
        if cost is not None:
            self.budget.was_spent(cost)

    def _found(self, name: str) -> list[MemberStats]:
        return [self.stats[account] for account in self._accounts(name) if account in self.stats]

    def _accounts(self, name: str) -> list[str]:
        return [self.account(name, escalated=escalated) for escalated in (False, True)]

    def count_call(self, account: str, estimate: Usage | None) -> None:
        """Book a call that is made; what it may cost is held from now on."""
        self._booked(account).calls += 1
        self._flying[account] += 1
        if estimate is not None:
            self.budget.hold(estimate)

    def count_answer(
        self, account: str, estimate: Usage | None, answer: Answer, blocked_s: float, hidden_s: float
    ) -> None:
        """Book what a call brought and cost; one that timed out is paid for as if it had been answered.

        The seconds are those that passed. One that was never sent is none.
        """
        stats = self._booked(account)
        stats.add_answer(answer, blocked_s)
        self._flying[account] -= 1
        self.hidden_s += hidden_s
        cost = _cost(estimate, answer)
        if estimate is not None and cost is None:
            self.budget.release(estimate)
        elif estimate is not None and cost is not None:
            self.budget.settle(estimate, cost)
            stats.assumed_usd += cost.usd - answer.usage.usd
        for proposal in answer.proposals:
            if isinstance(proposal, Rejection):
                self.reject(account, proposal)
        named = {one.next_member for one in answer.proposals if isinstance(one, Proposal) and one.next_member}
        unknown = len(named - self._members)
        if unknown:
            stats.rejections[UNKNOWN_MEMBER] += unknown  # that half of the answer is refused

    def count_late(self, account: str, estimate: Usage | None, blocked_s: float) -> None:
        """Book a call that the run did not wait for; what it was held for is spent."""
        stats = self._booked(account)
        stats.faults["late"] += 1
        stats.blocked_s += blocked_s
        self._flying[account] -= 1
        if estimate is not None:
            self.budget.settle(estimate, estimate)
            stats.assumed_usd += estimate.usd

    def reject(self, account: str, rejection: Rejection) -> None:
        """Book a proposal that could not be used."""
        self._booked(account).rejections[rejection.why.value] += 1

    def count_trial(self, account: str, *, hit: bool, record: bool) -> None:
        """Book a measured program; authors outside the pool (the database) are nobody's trial."""
        if account in self.stats:
            stats = self.stats[account]
            stats.trials += 1
            stats.hits += hit
            stats.records += record

    def count_escalation(self, name: str) -> None:
        """Book a step handed to that member after persistent regressions."""
        self._booked(name).escalations += 1

    def count_measured(self, programs: int, seconds: float) -> None:
        """Book so many programs that took so long to be built and timed; 0 s where a process did not live to tell."""
        if seconds:
            self._trials += programs
            self._trials_s += seconds

    def _booked(self, account: str) -> MemberStats:
        return self.stats.setdefault(account, MemberStats())


def _cost(estimate: Usage | None, answer: Answer) -> Usage | None:
    """What a call is booked for; None for one that costs nothing: of a free member, known already, or never sent."""
    kind, usage = answer.fault.kind if answer.fault else "", answer.usage
    if estimate is None or answer.cached or kind == NOT_SENT:
        return None
    return replace(usage.at_least(estimate), seconds=usage.seconds) if kind == TIMEOUT else usage
