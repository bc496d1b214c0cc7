"""The seam between the search and whatever proposes: a member of the pool. Owns the protocol, no implementation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tvm_litecoop.values import Proposal, Rejection
from tvm_litecoop.view import View


@dataclass(frozen=True)
class Usage:
    """What one call cost: tokens as the server counts them, US dollars, seconds of model time."""

    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What a member says to one view: proposals, and rejections where its own words could not be read."""

    proposals: tuple[Proposal | Rejection, ...]
    usage: Usage = Usage()


class Member(Protocol):
    """One model of the pool."""

    @property
    def name(self) -> str:
        """Unique in the pool."""
        ...

    @property
    def params(self) -> float:
        """Parameter count, for φ of LA-UCT; 1 for a member that is no model."""
        ...

    @property
    def free(self) -> bool:
        """Whether a call costs neither money nor noticeable time."""
        ...

    def propose(self, view: View, k: int, seed: int) -> Answer:
        """Up to `k` alternatives for one node.

        Must not raise for anything a model may say. Same inputs and seed, same answer.
        """
        ...
