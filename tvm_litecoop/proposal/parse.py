"""What a model wrote, as proposals and rejections. Nothing is repaired: what cannot be read is counted."""

from __future__ import annotations

import json

from pydantic import ValidationError

from tvm_litecoop import seeds
from tvm_litecoop.proposal.menu import Menu
from tvm_litecoop.proposal.schema import Form
from tvm_litecoop.values import Edit, Proposal, Rejection, Why

LONGEST = 100_000
"""Characters of an answer that are looked at, thoughts before it left out; a longer one is no answer."""
THOUGHTS_END = "</think>"
"""Where a server leaves the thoughts of a model in its answer."""
STARTS = 100
"""Opening braces at which an object is looked for."""


def parse(text: str, menu: Menu, k: int, seed: int) -> tuple[Proposal | Rejection, ...]:
    """Read one answer.

    Args:
        text: What the model wrote; one JSON object, alone or inside a fence or other words.
        menu: What it was shown.
        k: Alternatives it was asked for; what goes beyond is left out.
        seed: For random mutations.

    Returns:
        One entry for each alternative, at least one.
    """
    found = _json_of(text)
    if found is None:
        return (Rejection(Why.MALFORMED, "no JSON object"),)
    try:
        form = Form.model_validate_json(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "answer"
        return (Rejection(Why.MALFORMED, f"{where}: {first['msg']}"[:200]),)
    if not form.alternatives:
        return (Rejection(Why.MALFORMED, "no alternatives"),)
    return tuple(
        _proposal(edits, form, menu, seeds.fork(seed, "edit", number))
        for number, edits in enumerate(form.alternatives[:k])
    )


def _proposal(texts: list[str], form: Form, menu: Menu, seed: int) -> Proposal | Rejection:
    if not texts:
        return Rejection(Why.NO_CHANGE, "an alternative without edits")
    if len(texts) > menu.most_edits:
        return Rejection(Why.MALFORMED, f"{len(texts)} edits, {menu.most_edits} at most")
    edits: list[Edit] = []
    for number, text in enumerate(texts):
        edit = menu.edit(text, seeds.fork(seed, number))
        if isinstance(edit, Rejection):
            return edit
        edits.append(edit)
    return Proposal(tuple(edits), (form.next or "").strip()[:80], " ".join((form.reason or "").split())[:200])


def _json_of(text: str) -> str | None:
    """The last JSON object in a text that has alternatives, else the first: models put fences and thoughts around.

    They draft before they answer.
    """
    text = text.rpartition(THOUGHTS_END)[2]
    if len(text) > LONGEST:
        return None
    decoder = json.JSONDecoder()
    found: str | None = None
    other: str | None = None
    start = text.find("{")
    for _ in range(STARTS):
        if start < 0:
            break
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        if "alternatives" in value:
            found = text[start:end]
        other = other or text[start:end]
        start = text.find("{", end)
    return found or other
