"""A chat completion as it goes over the wire: what is asked, and the text, the usage, or the error in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tvm_litecoop.models.llm import Question
from tvm_litecoop.models.replies import Reply
from tvm_litecoop.proposal.prompt import Prompt
from tvm_litecoop.proposal.schema import json_schema

CHARACTERS = 4
"""Of a token, where a server counts none."""


class Told(Exception):
    """An error in place of an answer, under the status of success."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        super().__init__(str(found.get("message") or found))
        code = str(found.get("code"))
        self.status = int(code) if code.isdecimal() else 500


def turns(prompt: Prompt, one_turn: bool) -> list[dict[str, str]]:
    """The messages of a question; `one_turn` for a model whose chat knows no system."""
    if one_turn:
        return [{"role": "user", "content": f"{prompt.system}\n\n{prompt.user}"}]
    return [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]


def counted(reply: Reply, question: Question) -> Reply:
    """A reply of a server that counts no tokens, with about as many as there are: a budget would never end."""
    if reply.tokens_in:
        return reply
    read = len(question.prompt.system) + len(question.prompt.user)
    written = sum(map(len, reply.texts)) // CHARACTERS
    return replace(reply, tokens_in=read // CHARACTERS, tokens_out=max(reply.tokens_out, written))


def response_format(question: Question, form: str) -> dict[str, Any]:
    """What asks a server for structured output in one of the forms that there are."""
    if form == "text":
        return {}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    schema = {"name": "answer", "strict": True, "schema": json_schema(question.form())}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def read(body: bytes) -> tuple[Reply, bool]:
    """Text and usage of a chat completion, and whether it was cut off.

    Raises:
        Told: The server has put an error there.
        ValueError: It is none.
    """
    try:
        found = json.loads(body)
        for place in (found, *(found.get("choices") or ())[:1]):
            if isinstance(place.get("error"), Mapping):
                raise Told(place["error"])
        choice, usage = found["choices"][0], found.get("usage") or {}
        text, cut_off = _text(choice["message"].get("content")), choice.get("finish_reason") == "length"
        tokens_in = _count(usage, "prompt_tokens")
        # thoughts are billed, and some servers count them in the total alone
        tokens_out = max(_count(usage, "completion_tokens"), _count(usage, "total_tokens") - tokens_in)
        return Reply((text,), tokens_in, tokens_out), cut_off
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no chat completion: {type(error).__name__}: {error}") from None


def _text(content: Any) -> str:
    """What was written, whole or in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return str(content or "")


def _count(usage: Mapping[str, Any], name: str) -> int:
    return max(0, int(usage.get(name) or 0))  # a server that counts backwards would fill the budget
