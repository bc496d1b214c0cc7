"""Settings of the search, with the paper's constants by name. Owns their ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tvm_litecoop.errors import ConfigError


@dataclass(frozen=True)
class SearchConfig:
    """How the shared tree is searched.

    Attributes:
        lam: λ of LA-UCT, the weight of model size against value, in [0, 1] (arXiv 2602.01935, section 3).
        c: Exploration constant of LA-UCT.
        width: `a` of the widening rule `min(most_children, ceil(a * N ** growth))`.
        growth: `b` of the widening rule; 0 keeps the number of children fixed, as the paper does.
        most_children: A node with as many children is expanded where no other can be, or after an escalation; so a
            walk costs the same in a large tree.
        backup: What a node is worth: the `mean` over its subtree (the paper) or the `max` (its best program).
        escalate_after: K, the regressions in a row on one path that hand the step to the largest member; 0 never.
        proposals_per_call: Alternatives asked of a member in one call.
        patience: Expansions of a node with duplicates alone before it counts as spent; one in which something was
            refused or not answered counts as a small part of that.
        noise: Relative difference of two run times below which neither is called a regression.
        oversample: Candidates proposed for each one measured, once predictions are trusted.
        epsilon: Share of a batch measured without regard to predictions.
        in_flight: Calls in the background at a time, for one task.
        min_share: Share of all calls that is kept, in equal parts, for models that are hardly known.
        next_member: How it is found who acts next: by the `model`'s word and a draw by hits for time and money; or for
            comparison a `random` draw, `round-robin`, or always the `largest` (a search by one model).
        directed: Whether models may set decisions by value; without, they only name TVM's mutators.

    Raises:
        ConfigError: A value is out of its range.
    """

    lam: float = 0.5
    c: float = 0.25
    width: float = 2.0
    growth: float = 0.5
    most_children: int = 48
    backup: Literal["mean", "max"] = "max"
    escalate_after: int = 2
    proposals_per_call: int = 2
    patience: int = 4
    noise: float = 0.03
    oversample: int = 4
    epsilon: float = 0.1
    in_flight: int = 8
    min_share: float = 0.2
    next_member: Literal["model", "random", "round-robin", "largest"] = "model"
    directed: bool = True

    def __post_init__(self) -> None:
        """Check every range, so that a wrong setting is named where it was made."""
        _within("lam", self.lam, 0.0, 1.0)
        _within("c", self.c, 0.0, 100.0)
        _within("width", self.width, 1.0, 1000.0)
        _within("growth", self.growth, 0.0, 1.0)
        _within("most_children", self.most_children, 1, 100_000)
        _within("escalate_after", self.escalate_after, 0, 1000)
        _within("proposals_per_call", self.proposals_per_call, 1, 64)
        _within("patience", self.patience, 1, 1000)
        _within("noise", self.noise, 0.0, 1.0)
        _within("oversample", self.oversample, 1, 1000)
        _within("epsilon", self.epsilon, 0.0, 1.0)
        _within("min_share", self.min_share, 0.0, 1.0)
        _within("in_flight", self.in_flight, 1, 256)
        if self.next_member not in (choices := ("model", "random", "round-robin", "largest")):
            raise ConfigError(f"next_member is {self.next_member!r}", f"choose from {', '.join(choices)}")
        if self.backup not in ("mean", "max"):
            raise ConfigError(f"backup is {self.backup!r}", 'choose "mean" or "max"')

    @classmethod
    def paper(cls) -> SearchConfig:
        """The constants of arXiv 2602.01935: λ 0.5, c 1.41, two children, K = 2, mean backup, one proposal a call."""
        return cls(lam=0.5, c=1.41, width=2, growth=0.0, backup="mean", escalate_after=2, proposals_per_call=1)

    @classmethod
    def named(cls, name: str) -> SearchConfig:
        """The settings of an ablation by name: `paper`, one of `NAMED`, or `lambda=0.3`.

        Raises:
            ConfigError: No such name, or a lambda that is none.
        """
        if name == "paper":
            return cls.paper()
        if name in NAMED:
            return cls().but(**NAMED[name])
        key, _, value = name.partition("=")
        try:
            if key == "lambda":
                return cls(lam=float(value))
        except ValueError:
            pass
        raise ConfigError(f"unknown setting {name!r}", f"choose from {', '.join(['paper', *NAMED])}, lambda=X")

    def but(self, **changes: object) -> SearchConfig:
        """A copy with some settings changed."""
        try:
            return replace(self, **changes)  # type: ignore[arg-type]
        except TypeError as error:
            known = ", ".join(self.__dataclass_fields__)
            raise ConfigError(f"unknown search setting: {error}", f"known settings: {known}") from None


NAMED: dict[str, dict[str, object]] = {
    "default": {},
    "single": {"next_member": "largest", "escalate_after": 0},
    "random-next": {"next_member": "random"},
    "round-robin": {"next_member": "round-robin"},
    "no-escalation": {"escalate_after": 0},
    "mutator-names-only": {"directed": False},
}
"""Ablations: name -> what differs from the default. `paper` is `SearchConfig.paper`."""


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}", f"choose a value from {low} to {high}")
