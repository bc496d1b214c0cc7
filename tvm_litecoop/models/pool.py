"""The pool: the members that take turns, what each has brought, and who acts where nobody was named."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models.base import Answer, Member
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.mutator import Mutator
from tvm_litecoop.models.stats import MemberStats
from tvm_litecoop.values import Rejection
from tvm_litecoop.view import View

BUILT_IN: dict[str, Callable[[], Member]] = {"expert": Expert, "mutator": Mutator}
"""Members that need neither key, network nor weights."""


class Pool:
    """Members by name, shared by all tasks of a run.

    Raises:
        ConfigError: No member, or two of the same name.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        if not members:
            raise ConfigError("the pool has no member", "add at least one, or use ModelPool.default()")
        self.members = {member.name: member for member in members}
        if len(self.members) != len(members):
            raise ConfigError("two members of the pool have the same name", "give each a name of its own")
        self.stats = {name: MemberStats() for name in self.members}

    @classmethod
    def default(cls) -> Pool:
        """The embedded pool: works without key, network or model weights."""
        return cls.built_in(*BUILT_IN)

    @classmethod
    def built_in(cls, *names: str) -> Pool:
        """A pool of built-in members by name.

        Raises:
            ConfigError: No such member.
        """
        unknown = [name for name in names if name not in BUILT_IN]
        if unknown:
            raise ConfigError(f"unknown member {unknown[0]!r}", f"choose from {', '.join(BUILT_IN)}")
        return cls([BUILT_IN[name]() for name in names])

    @property
    def params(self) -> dict[str, float]:
        """Parameter count of each member."""
        return {name: member.params for name, member in self.members.items()}

    def first(self) -> str:
        """The member that opens a search: the first one listed."""
        return next(iter(self.members))

    @property
    def largest(self) -> str:
        """The member with the most parameters; the first of equals."""
        return max(self.members.values(), key=lambda m: m.params).name

    def is_small(self, name: str) -> bool:
        """Whether a larger member than this one exists."""
        member = self.members.get(name)
        return member is not None and member.params < self.members[self.largest].params

    def propose(self, name: str, view: View, k: int, seed: int) -> Answer:
        """Ask one member, book the call and the answers that could not be read."""
        answer = self.members[name].propose(view, k, seed)
        self.stats[name].add_call(len(answer.proposals), answer.usage)
        for proposal in answer.proposals:
            if isinstance(proposal, Rejection):
                self.reject(name, proposal)
        return answer

    def next_member(self, author: str, named: str, seed: int, min_share: float) -> str:
        """Who acts next: one below its share of calls; else the one named; else a draw by hit rate.

        An unknown name is a rejection of that half of the answer. The draw takes one sample of each member's hit
        rate (Thompson sampling over Beta(hits + 1, misses + 1)), so a member that brings little is asked less, and
        one that is hardly known still gets its chance.
        """
        if named and named not in self.members:
            self.stats[author].rejections["unknown member"] += 1
        rng = random.Random(seed)
        calls = sum(stats.calls for stats in self.stats.values())
        starved = [name for name, stats in self.stats.items() if stats.calls < min_share * calls]
        if starved:
            return rng.choice(starved)
        if named in self.members:
            return named
        return max(self.stats, key=lambda name: self._sample_hit_rate(name, rng))

    def _sample_hit_rate(self, name: str, rng: random.Random) -> float:
        stats = self.stats[name]
        misses = stats.trials - stats.hits + sum(stats.rejections.values())
        return rng.betavariate(stats.hits + 1, misses + 1)

    def reject(self, name: str, rejection: Rejection) -> None:
        """Book a proposal of that member that could not be used."""
        self.stats[name].rejections[rejection.why.value] += 1

    def count_trial(self, name: str, *, hit: bool, record: bool) -> None:
        """Book a measured program; authors outside the pool (the database) are nobody's trial."""
        if name in self.stats:
            stats = self.stats[name]
            stats.trials += 1
            stats.hits += hit
            stats.records += record

    def count_escalation(self, name: str) -> None:
        """Book a step handed to that member after persistent regressions."""
        self.stats[name].escalations += 1
