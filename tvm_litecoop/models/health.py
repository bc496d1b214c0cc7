"""Which members can be asked now: a failing one is benched for a growing time, one that cannot work is off.

Failing is also a member that answers, again and again, and nothing of it can be used.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tvm_litecoop.models.base import NOT_SENT, Answer, Fault, Profile
from tvm_litecoop.values import Rejection

logger = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 2.0, 300.0
"""Seconds on the bench after the first fault, doubled with each one in a row up to the longest."""
USELESS = 4
"""Answers in a row without anything that can be used from which on each is as good as a fault."""


@dataclass
class Health:
    """The state of one member.

    Attributes:
        off: Why it is off for the rest of the run; empty while it is not.
        benched_until: Time before which it is not asked.
        faults_in_a_row: How many there are, those asked before it was benched left out.
        useless_in_a_row: Answers without anything that can be used.
    """

    off: str = ""
    benched_until: float = 0.0
    faults_in_a_row: int = 0
    useless_in_a_row: int = 0

    def available(self, now: float) -> bool:
        """Whether it can be asked."""
        return not self.off and now >= self.benched_until

    def answered(self) -> None:
        """It gave an answer."""
        self.faults_in_a_row = self.useless_in_a_row = 0

    def useless(self, name: str, why: str, now: float) -> None:
        """It gave an answer of which nothing can be used; where that goes on, it is said once, as a warning."""
        self.useless_in_a_row += 1
        if self.useless_in_a_row == USELESS:
            logger.warning("%s: nothing can be used of %d answers in a row, it is asked less: %s", name, USELESS, why)
        if self.useless_in_a_row >= USELESS:
            self.failed(name, Fault("useless answer", why), now)

    def failed(self, name: str, fault: Fault, now: float) -> None:
        """It gave none. What is lasting is said once, as a warning."""
        if fault.lasting:
            if not self.off:
                logger.warning("%s is off for this run: %s: %s", name, fault.kind, fault.detail)
            self.off = fault.kind
            return
        wait, before = 0.0, self.benched_until
        if now >= self.benched_until:  # else it was asked before it was benched: one outage, one doubling
            wait = min(LONGEST_S, FIRST_S * 2.0 ** min(self.faults_in_a_row, 20))
            self.faults_in_a_row += 1
        wait = max(wait, min(fault.retry_after_s, LONGEST_S))
        self.benched_until = max(self.benched_until, now + wait)
        if self.benched_until > max(before, now):
            logger.info("%s is left alone for %.0f s: %s: %s", name, self.benched_until - now, fault.kind, fault.detail)


class Healths:
    """That of members, and of the servers that some share.

    Args:
        profiles: Of the members.
    """

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._profiles = {profile.name: profile for profile in profiles}
        self.members = {name: Health() for name in self._profiles}
        self._servers = {one.endpoint: Health() for one in self._profiles.values() if one.endpoint}

    def available(self, name: str) -> bool:
        """Whether neither the member nor its server is benched."""
        now, server = time.monotonic(), self._servers.get(self._profiles[name].endpoint)
        return self.members[name].available(now) and (server is None or server.available(now))

    def book(self, name: str, answer: Answer) -> None:
        """What an answer, or the want of one, says of the member and of its server."""
        fault, profile, mine = answer.fault, self._profiles[name], self.members[name]
        server = self._servers.get(profile.endpoint)
        if answer.cached or (fault is not None and fault.kind == NOT_SENT):
            return  # nobody was asked
        if fault is None:
            if server is not None:
                server.answered()
            refused = [one for one in answer.proposals if isinstance(one, Rejection)]
            if refused and len(refused) == len(answer.proposals) and not profile.free:
                mine.useless(name, str(refused[0]), time.monotonic())
            else:
                mine.answered()
        elif fault.of_server and server is not None:
            server.failed(f"{name} (and all at {profile.endpoint})", fault, time.monotonic())
        elif not fault.of_node:
            mine.failed(name, fault, time.monotonic())
