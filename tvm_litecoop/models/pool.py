"""The pool: the members that take turns, shared by all tasks of a run. Who can act, and asking."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models import providers, turns
from tvm_litecoop.models.base import Answer, Member, Profile, Usage
from tvm_litecoop.models.books import Books
from tvm_litecoop.models.budget import Budget, Limits
from tvm_litecoop.models.calls import Calls, Flight, raised
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.health import Healths
from tvm_litecoop.models.purse import Purse
from tvm_litecoop.models.replies import Remembers, Replies
from tvm_litecoop.models.stats import MemberStats
from tvm_litecoop.models.turns import Prices
from tvm_litecoop.view import Colleague, View

RESERVE = "reserve"
"""Acts where no member can: benched, off, beyond the budget, or while the first call of another task says what calls
cost. It is the expert, and not on the roster."""


@dataclass(frozen=True)
class Landed:
    """A call that is over: what it brought, how long the search stood still for it, how much of it was hidden."""

    answer: Answer
    blocked_s: float
    hidden_s: float


class Pool:
    """Members by name.

    Args:
        members: At least one, names unique.
        limits: What may be spent.
        prices: What time and money are worth.
        slow_share: Seconds for each second of the run that a member may take which is neither free nor in the
            background; for each such member.

    Attributes:
        members: The members by name, in their order.
        books: What each has cost and brought, and what was spent.
        calls: Calls beside the measurement.

    Raises:
        ConfigError: No member, two of the same name, or one called `reserve`.
    """

    def __init__(
        self,
        members: Sequence[Member],
        limits: Limits | None = None,
        prices: Prices | None = None,
        slow_share: float = 0.1,
    ) -> None:
        if not members:
            raise ConfigError("the pool has no member", "add at least one, or use ModelPool.default()")
        self.members: dict[str, Member] = {member.profile.name: member for member in members}
        if len(self.members) != len(members):
            raise ConfigError("two members of the pool have the same name", "give each a name of its own")
        if RESERVE in self.members:
            raise ConfigError(f"no member can be called {RESERVE!r}", "give it another name")
        self.books = Books(self.members, limits)
        self.calls = Calls()
        self._prices = prices or Prices()
        self._health = self._all_well()
        self._reserve = Expert(RESERVE)
        self._purse = Purse(self.members, self.books, slow_share)

    @classmethod
    def default(cls) -> Pool:
        """The embedded pool: works without key and network."""
        return cls(providers.embedded())

    @classmethod
    def built_in(cls, *names: str) -> Pool:
        """A pool of built-in members by name.

        Raises:
            ConfigError: No such member.
        """
        return cls([providers.built_in(name) for name in names])

    @classmethod
    def from_toml(cls, file: str | Path) -> Pool:
        """A pool as a file describes it; the README has an example.

        Raises:
            ConfigError: One line with the place, the key and the valid choices.
        """
        from tvm_litecoop.models import poolfile

        found = poolfile.load(Path(file))
        return cls(found.members, found.limits, found.prices, found.slow_share)

    def begin(self) -> None:
        """A run begins now: what was spent is of earlier ones, and what was wrong with a member may be mended."""
        self.books.begin()
        self._purse.begin()
        self._health = self._all_well()

    def _all_well(self) -> Healths:
        return Healths(member.profile for member in self.members.values())

    def remember(self, replies: Replies | None) -> None:
        """Where language models look for answers that were paid for, and keep new ones; None for nowhere."""
        for member in self.members.values():
            if isinstance(member, Remembers):
                member.remember(replies)

    def described(self) -> str:
        """Members with their sizes, and what may be spent, as JSON; no key is in it."""
        return json.dumps({"members": self.params, "limits": vars(self.budget.limits)})

    @property
    def stats(self) -> dict[str, MemberStats]:
        """What each member has cost and brought."""
        return self.books.stats

    @property
    def budget(self) -> Budget:
        """What was spent against the limits."""
        return self.books.budget

    # ---- who ---------------------------------------------------------------------------------------------------------

    @property
    def params(self) -> dict[str, float]:
        """Parameter count of each member."""
        return {name: member.profile.params for name, member in self.members.items()}

    def first(self, config: SearchConfig) -> str:
        """The member that opens a search: the first one listed, the largest where it acts alone."""
        return self.largest if config.next_member == "largest" else next(iter(self.members))

    @property
    def largest(self) -> str:
        """The member with the most parameters; the first of equals."""
        return max(self.params, key=self.params.__getitem__)

    def largest_able(self) -> str:
        """The member with the most parameters of those that can be asked now; persistent regressions go to it."""
        return max(self._able() or self.members, key=self.params.__getitem__)

    def is_small(self, name: str) -> bool:
        """Whether a larger member than this one can be asked now."""
        return name in self.members and self.params[name] < self.params[self.largest_able()]

    def free_member_able(self) -> bool:
        """Whether a member of the pool can answer at once, at no cost."""
        return any(self.members[name].profile.free for name in self._able())

    def acting(self, name: str, seed: int, config: SearchConfig, *, free: bool = False, must: bool = False) -> str:
        """Who acts: a model that is hardly known; else the one whose turn it is; else another one, or the reserve.

        Args:
            name: The member whose turn it is.
            seed: For the draw of another one.
            config: Whether another one may act at all.
            free: Only free members come into question.
            must: The turn is that member's where it can be asked at all.
        """
        if config.next_member == "largest":  # alone, however slow
            name = self.largest
            affordable = self.members[name].profile.free or self._purse.within_budget(name)
            return name if affordable and self._health.available(name) else RESERVE
        able = {one: self.stats[one] for one in self._able() if self.members[one].profile.free or not free}
        rng = random.Random(seed)
        starved = turns.starved(able, config.min_share) if config.next_member == "model" and not must else []
        starved = [one for one in starved if one not in providers.FREE]  # the draw gets to know these, at no cost
        if starved:
            return rng.choice(starved)
        if name in able:
            return name
        return self._drawn(able, rng, config) if able else RESERVE

    def in_background(self, name: str) -> bool:
        """Whether that member may think beside a measurement."""
        return name in self.members and self.members[name].profile.background

    def holds_nobody_up(self, name: str) -> bool:
        """Whether the search goes on at once when that member is asked: it is free, or thinks in the background."""
        profile = self._profile(name)
        return profile.free or profile.background

    def next_member(self, named: str, seed: int, config: SearchConfig) -> str:
        """Whose turn is next: a draw by hits for time and money, the one named ahead.

        For comparison `config.next_member` can leave it to chance or to the order of the pool.
        """
        able = {name: self.stats[name] for name in self._able()}
        if not able or config.next_member == "largest":
            return self.first(config)
        return self._drawn(able, random.Random(seed), config, named)

    def _drawn(self, able: dict[str, MemberStats], rng: random.Random, config: SearchConfig, named: str = "") -> str:
        if config.next_member == "random":
            return rng.choice(list(able))
        if config.next_member == "round-robin":
            return min(able, key=lambda name: able[name].calls)
        doubts = {one: self.members[one].profile.doubt for one in able}
        return turns.draw(able, self._worth_now(), rng, named, doubts)

    def _worth_now(self) -> Prices:
        """What time and money are worth, with the seconds of a trial as they were measured."""
        trial_s = self.books.trial_s
        return replace(self._prices, trial_s=trial_s) if trial_s else self._prices

    def _able(self) -> list[str]:
        return [name for name in self.members if self._health.available(name) and self._purse.can_pay_for(name)]

    def learns_prices(self, config: SearchConfig) -> bool:
        """Whether nobody can be asked before a first call has said what the others cost."""
        if config.next_member == "largest":
            return self._purse.first_flies(self.largest)
        return not self._able() and any(map(self._purse.first_flies, self.members))

    # ---- ask ---------------------------------------------------------------------------------------------------------

    def estimate(self, name: str) -> Usage | None:
        """What a call of that member is held for; None for a free one."""
        return None if self._profile(name).free else self._purse.estimate(name)

    def start(self, name: str, view: View, k: int, seed: int) -> Flight:
        """Ask one member. Its call and its answer are booked by `count_call` and `count_answer`."""
        member = self._reserve if name == RESERVE else self.members[name]
        flight, profile = Flight(name), member.profile
        try:
            call = member.ask(view, k, seed)
        except Exception as error:  # the edge to members of other packages, as in `calls`
            call = partial(raised, error)
        self.calls.start(flight, call, background=profile.background, free=profile.free)
        return flight

    def landed(self, flight: Flight) -> Landed:
        """What came of a call that is done; a member that gave no answer is left alone for a while."""
        answer, profile = flight.answer(), self._profile(flight.member)
        if flight.member in self.members:
            self._health.book(flight.member, answer)
        hidden_s = self.calls.hidden_behind(flight, answer.usage.seconds) if profile.background else 0.0
        return Landed(answer, 0.0 if profile.free else flight.blocked_s, hidden_s)

    def _profile(self, name: str) -> Profile:
        return self._reserve.profile if name == RESERVE else self.members[name].profile

    def roster(self) -> tuple[Colleague, ...]:
        """The members as they are shown to each other."""
        return tuple(
            Colleague(
                name,
                member.profile.params,
                member.profile.usd_per_mtok,
                (stats := self.stats[name]).calls,
                stats.trials,
                stats.hits,
                stats.refused,
                stats.answer_s,
            )
            for name, member in self.members.items()
        )
