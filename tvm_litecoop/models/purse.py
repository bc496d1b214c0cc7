"""Whose calls a run can pay for: they fit what may be spent, and those of slow members their share of the time."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from tvm_litecoop.models.base import Member, Usage
from tvm_litecoop.models.books import Books

logger = logging.getLogger(__name__)

FIRST_TOKENS = (1500, 1000)
"""Tokens read and written that a member's first call is held for; a model that thinks aloud writes about so many."""
FIRST_S = 10.0
"""Seconds that a member's first call is held for."""


class Purse:
    """What calls are expected to cost, held against the books.

    A member whose first call would pass a limit is warned of here, one that the budget has no room for any more once in
    a run.

    Args:
        members: By name.
        books: What was spent, and what may be.
        slow_share: Seconds for each second of the run that a member may take which is neither free nor in the
            background; for each such member.
    """

    def __init__(self, members: Mapping[str, Member], books: Books, slow_share: float) -> None:
        self._members, self._books, self._slow_share = members, books, slow_share
        paid = [name for name, member in members.items() if not member.profile.free]
        never = {name: short for name in paid if (short := books.budget.short_of(self.estimate(name)))}
        for name, short in never.items():
            logger.warning("%s is never asked, its first call counts as %s: raise that limit", name, short)
        self._never_asked = frozenset(never)
        self.begin()

    def begin(self) -> None:
        """A run begins now, in which everything may be said once more that is said once in a run."""
        self._told_of = set(self._never_asked)

    def can_pay_for(self, name: str) -> bool:
        """Whether one more call fits the budget and, for a slow member, its share of the time."""
        profile = self._members[name].profile
        if profile.free:
            return True
        if not profile.background:
            calls, blocked_s = self._books.blocked(name)
            expected = blocked_s / calls if calls else profile.slow_s
            if self._books.blocked_in_run(name) + expected > self._slow_share * self._books.elapsed_s:
                return False
        return self.within_budget(name)

    def within_budget(self, name: str) -> bool:
        """Whether one more call fits; that none does any more is said once in a run."""
        estimate = self.estimate(name)
        if name not in self._told_of and (short := self._books.budget.short_of(estimate, flying=False)):
            self._told_of.add(name)
            logger.warning("the budget is spent: %s is left alone, a call counts as %s", name, short)
        return not self.first_flies(name) and self._books.budget.affords(estimate)

    def first_flies(self, name: str) -> bool:
        """Whether its first call is under way, which says what the others cost, where that is limited."""
        return self._books.budget.limits.costs and self._books.flying(name) > 0 and self._books.usual(name) is None

    def estimate(self, name: str) -> Usage:
        """What a call of that member usually costs; before its first answer what such calls cost elsewhere."""
        (tokens_in, tokens_out), (price_in, price_out) = FIRST_TOKENS, self._members[name].profile.usd_per_mtok
        usd = (tokens_in * price_in + tokens_out * price_out) / 1e6
        return self._books.usual(name) or Usage(tokens_in, tokens_out, usd, FIRST_S)
