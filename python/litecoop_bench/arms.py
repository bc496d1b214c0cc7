"""The searches that are compared: what each changes in a request, and the pool it brings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from tvm_litecoop.models.base import Member
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.providers import FREE

Opened = AbstractContextManager["Pool | None"]


def _no_pool(seed: int) -> Opened:
    return nullcontext(None)


@dataclass(frozen=True)
class Arm:
    """One search.

    Attributes:
        changes: What differs from the default request.
        pool: Seed -> a pool that is open while the cell runs; None for TVM's own searches.
        droplet: Whether TVM's post-optimization goes on from the best record of the search.
        fast_math: Whether `exp`, `tanh` and `erf` are vector arithmetic.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    pool: Callable[[int], Opened] = _no_pool
    droplet: bool = False
    fast_math: bool = False


def _built_in(*names: str) -> Callable[[int], Opened]:
    """Members that need no model."""
    return lambda seed: nullcontext(Pool.built_in(*names))


def _eight(seed: int) -> Opened:
    from litecoop_bench.simulated import members

    return members.pool(seed=seed)


def _largest(seed: int) -> Opened:
    from litecoop_bench.simulated import members

    return members.pool(members.largest_alone(), seed=seed)


def _random_models(seed: int) -> Opened:
    """The free members with eight models beside them that know nothing."""
    from litecoop_bench.simulated import members, models

    ignorant = [model.model_copy(update={"skill": 0.0, "latency_s": 0.5}) for model in models.load()]
    return members.pool(ignorant, seed=seed, beside=_free())


def _two_seconds(seed: int) -> Opened:
    """The free members and models that all take two seconds."""
    from litecoop_bench.simulated import members, models

    slow = [model.model_copy(update={"latency_s": 2.0}) for model in models.load()]
    return members.pool(slow, seed=seed, beside=_free())


def _free() -> list[Member]:
    return [make() for make in FREE.values()]


ARMS: dict[str, Arm] = {
    "evolutionary": Arm({"strategy": "evolutionary", "stock": True}),
    "evolutionary-warm": Arm({"strategy": "evolutionary"}),
    "evolutionary-droplet": Arm({"strategy": "evolutionary", "stock": True}, droplet=True),
    "replay-trace": Arm({"strategy": "replay-trace"}),
    "litecoop": Arm({}, _built_in(*FREE)),
    "litecoop-smollm2": Arm({}, _built_in(*FREE, "smollm2")),
    "litecoop-fast-math": Arm({}, _built_in(*FREE), fast_math=True),
    "litecoop-space": Arm({"space": "litecoop"}, _built_in(*FREE), fast_math=True),
    "litecoop-no-surrogate": Arm({}, _built_in("expert", "mutator")),
    "litecoop-expert": Arm({}, _built_in("expert")),
    "litecoop-mutator": Arm({}, _built_in("mutator")),
    "simulated-largest": Arm({"setting": "single"}, _largest),
    "simulated-eight": Arm({}, _eight),
    "simulated-random-next": Arm({"setting": "random-next"}, _eight),
    "simulated-round-robin": Arm({"setting": "round-robin"}, _eight),
    "simulated-no-escalation": Arm({"setting": "no-escalation"}, _eight),
    "simulated-names-only": Arm({"setting": "mutator-names-only"}, _eight),
    "simulated-lambda-0": Arm({"setting": "lambda=0"}, _eight),
    "simulated-paper": Arm({"setting": "paper"}, _eight),
    "simulated-ignorant": Arm({}, _random_models),
    "simulated-2s": Arm({}, _two_seconds),
}
"""`litecoop-smollm2` is the default pool, and fails where SmolLM2 is not installed; `litecoop` is the same without it.
`evolutionary` has TVM's default builder and runner, and so has `evolutionary-droplet`, which then measures up to as
many candidates again; every `simulated-` arm asks models that are no models."""


def simulated(arm: str) -> bool:
    """Whether the models of an arm are no models; to be said wherever its figures are shown."""
    return arm.startswith("simulated-")
