"""A chat completion as it goes over the wire: what is asked, and the text, the usage, or the error in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tvm_litecoop.models.llm import Question
from tvm_litecoop.models.replies import Reply
from tvm_litecoop.proposal.prompt import Prompt
from tvm_litecoop.proposal.schema import json_schema

CHARACTERS = 4
"""Of a token, where a server counts none."""


class Told(Exception):
    """An error in place of an answer, under the status of success.

    Args:
        found: What the server has put there; a text, or more.
        spent: The tokens it counted all the same.
    """

    def __init__(self, found: Any, spent: Reply) -> None:
        fields = found if isinstance(found, Mapping) else {}
        super().__init__(str(fields.get("message") or found))
        code = str(fields.get("code"))
        self.status, self.spent = int(code) if code.isdecimal() else 500, spent


class Broken(ValueError):
    """No chat completion.

    Args:
        why: In one line.
        spent: The tokens that were counted all the same.
    """

    def __init__(self, why: str, spent: Reply) -> None:
        super().__init__(why)
        self.spent = spent


def turns(prompt: Prompt, one_turn: bool) -> list[dict[str, str]]:
    """The messages of a question; `one_turn` for a model whose chat knows no system."""
    if one_turn:
        return [{"role": "user", "content": f"{prompt.system}\n\n{prompt.user}"}]
    return [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]


def response_format(question: Question, form: str) -> dict[str, Any]:
    """What asks a server for structured output in one of the forms that there are."""
    if form == "text":
        return {}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    schema = {"name": "answer", "strict": True, "schema": json_schema(question.form())}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def read(body: bytes, question: Question) -> tuple[Reply, bool]:
    """Text and usage of a chat completion, and whether it was cut off.

    Tokens that a server does not count are estimated, or a budget would never end.

    Raises:
        Told: The server has put an error there.
        Broken: It is none.
    """
    asked, spent = (len(question.prompt.system) + len(question.prompt.user)) // CHARACTERS, Reply(())
    try:
        found = json.loads(body)
        spent = Reply((), *_tokens(found.get("usage") or {}, asked))
        for place in (found, *(found.get("choices") or ())[:1]):
            if error := place.get("error"):
                raise Told(error, spent)
        choice = found["choices"][0]
        text, cut_off = _text(choice["message"].get("content")), choice.get("finish_reason") == "length"
        return Reply((text,), spent.tokens_in or asked, spent.tokens_out or len(text) // CHARACTERS), cut_off
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Broken(f"no chat completion: {type(error).__name__}: {error}", spent) from None


def _tokens(usage: Mapping[str, Any], asked: int) -> tuple[int, int]:
    """Tokens read and written as a server counts them; where it counts both together, `asked` of them were read."""
    total, tokens_out = _count(usage, "total_tokens"), _count(usage, "completion_tokens")
    tokens_in = _count(usage, "prompt_tokens") or min(asked, max(0, total - tokens_out))
    # thoughts are billed, and some servers count them in the total alone
    return tokens_in, max(tokens_out, total - tokens_in)


def _text(content: Any) -> str:
    """What was written, whole or in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return str(content or "")


def _count(usage: Mapping[str, Any], name: str) -> int:
    return max(0, int(usage.get(name) or 0))  # a server that counts backwards would fill the budget
