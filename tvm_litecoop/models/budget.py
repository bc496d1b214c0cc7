"""What the pool may spend in a run, shared by all its tasks. A call in flight counts as what is usual."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models.base import Usage


@dataclass(frozen=True)
class Limits:
    """Most of each that may be spent; None for no limit.

    Attributes:
        calls: Calls to members that are not free.
        tokens: Tokens read and written.
        usd: US dollars.
        seconds: Seconds of model time.
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Name a wrong limit where it was made."""
        for name, value in vars(self).items():
            if value is not None and not 0 <= value < math.inf:
                raise ConfigError(f"budget {name} is {value}", "choose 0 or more, or leave it out for no limit")

    @property
    def costs(self) -> bool:
        """Whether what a call costs is limited, and not only how many there are."""
        return not (self.tokens is None and self.usd is None and self.seconds is None)


class Budget:
    """Counts what was spent against the limits.

    A call is held with an estimate before it is made and booked with its true cost when it is over. So calls in flight
    add up to no more than there is, as far as a call costs what calls of that member have cost so far.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._spent = {"calls": 0.0, "tokens": 0.0, "usd": 0.0, "seconds": 0.0}
        self._held = dict.fromkeys(self._spent, 0.0)
        self._before = dict.fromkeys(self._spent, 0.0)

    def begin(self) -> None:
        """A run begins, which may spend all of it: what was spent until now was spent by others."""
        self._before = dict(self._spent)

    def was_spent(self, usage: Usage) -> None:
        """So much that was spent before is of this run, which is gone on with."""
        self._add(self._before, usage, -1)

    def affords(self, estimate: Usage) -> bool:
        """Whether one more call of that size fits."""
        return not self.short_of(estimate)

    def short_of(self, estimate: Usage, *, flying: bool = True) -> str:
        """The first limit that one more call of that size would pass, in words; empty where it fits.

        Args:
            estimate: What the call may cost.
            flying: Count calls in flight, which may turn out to cost less.
        """
        for name, cost in _costs(estimate).items():
            limit, used = getattr(self.limits, name), self._used(name) - (0.0 if flying else self._held[name])
            if limit is not None and used + cost > limit:
                return f"{cost:.4g} {name} of {limit:g}"
        return ""

    def hold(self, estimate: Usage) -> None:
        """A call is made."""
        self._add(self._held, estimate, 1)

    def settle(self, estimate: Usage, usage: Usage) -> None:
        """The call that was held with this estimate is over and has cost `usage`."""
        self._add(self._held, estimate, -1)
        self._add(self._spent, usage, 1)

    def spent(self, name: str) -> float:
        """What was spent of `calls`, `tokens`, `usd` or `seconds`, in all runs."""
        return self._spent[name]

    def _used(self, name: str) -> float:
        return self._spent[name] - self._before[name] + self._held[name]

    def left(self) -> str:
        """What is left of each limit, in words; empty where nothing is limited."""
        units = {"calls": "{:.0f} calls", "tokens": "{:.0f} tokens", "usd": "${:.2f}", "seconds": "{:.0f} s"}
        return ", ".join(
            text.format(max(0.0, limit - self._used(name)))
            for name, text in units.items()
            for limit in [getattr(self.limits, name)]
            if limit is not None
        )

    def release(self, estimate: Usage) -> None:
        """The call that was held with this estimate was not needed: its answer was known."""
        self._add(self._held, estimate, -1)

    def _add(self, account: dict[str, float], usage: Usage, sign: int) -> None:
        for name, cost in _costs(usage).items():
            account[name] += sign * cost


def _costs(usage: Usage) -> dict[str, float]:
    return {
        "calls": 1.0,
        "tokens": float(usage.tokens_in + usage.tokens_out),
        "usd": usage.usd,
        "seconds": usage.seconds,
    }
