"""The form of an answer: one pydantic model for remote structured output, local grammar and parser.

```json
{"reason": "wider register tile", "alternatives": [["i=8x4x4x4", "unroll=64"], ["j=4x2x4x16"]], "next": "expert"}
```
An edit is one string, so that the schema stays small and strict servers take it; its legal values are a pattern, or
every one of them spelled out (`exact`) where a grammar can hold them. OpenAI's strict mode knows patterns but no length
of a string, so the reason is a pattern too, of characters that need no escape in any grammar.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from tvm_litecoop.proposal.menu import Menu

REASON = 160
"""Characters of the reason at most."""


class Form(BaseModel):
    """What every answer holds; `form_of` narrows the strings to one program and one pool.

    Attributes:
        reason: One short sentence.
        alternatives: Each a list of edits to the shown program, written `site=value`.
        next: Who acts on the programs that come of it.
    """

    model_config = ConfigDict(extra="ignore")

    reason: str | None = None
    alternatives: list[list[str]]
    next: str | None = None


def form_of(
    menu: Menu, members: tuple[str, ...], k: int, *, exact: bool = False, reason: int = REASON, edits: int = 0
) -> type[Form]:
    """The form for one view.

    Args:
        menu: What may be edited.
        members: Who may be named to act next.
        k: Alternatives at most.
        exact: Spell out every legal edit, for a local grammar: an illegal one is then impossible.
        reason: Characters of the reason at most.
        edits: Edits of one alternative at most; 0 for as many as the menu has.
    """
    bound = Field(max_length=reason) if exact else Field(pattern=rf"^[A-Za-z0-9 .,:;()<>=+*/_%'-]{{0,{reason}}}$")
    edit: Any = _exact_edit(menu) if exact else Annotated[str, Field(pattern=_pattern(menu))]
    alternative: Any = Annotated[list[edit], Field(min_length=1, max_length=edits or menu.most_edits)]
    fields: dict[str, Any] = {
        "reason": (Annotated[str, bound], ...),
        "alternatives": (Annotated[list[alternative], Field(min_length=1, max_length=k)], ...),
        "next": (Literal[members] if members else str, ...),
    }
    return create_model("Answer", __base__=Form, **fields)


def json_schema(form: type[Form]) -> dict[str, Any]:
    """The JSON schema of a form, without titles and with no other keys allowed, as strict servers want it."""
    schema = _plain(form.model_json_schema())
    schema["additionalProperties"] = False
    return schema


def _exact_edit(menu: Menu) -> Any:
    """One of all legal edits."""
    texts = [f"{name}={value}" for name in menu.names() for value in menu.options(name)]
    return Literal[tuple(texts)] if texts else str


def _pattern(menu: Menu) -> str:
    names = "|".join(re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", name) for name in menu.names())  # ECMA knows no more
    return f"^({names})=[A-Za-z0-9_]+$"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Titles, defaults and docstrings are for people; servers count them as tokens."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "default", "description")}
    return {key: _plain(value) if isinstance(value, dict) else value for key, value in kept.items()}
