"""Values as compact JSON and back. A program is written as its difference from the one it was made from.

Lists are positional and end where the rest has its default. What stands first tells alternatives apart:

| value | written as |
| --- | --- |
| SetDecision, SetSketch | `["matmul.i", [8, 4]]`, `[2]` |
| Mutate, Resample | `["MutateTileSize", seed, 1]`, `[sketch, seed]` |
| proposal, rejection | `[[edit, ...], next, reason]`, `["duplicate", detail]` |
| program | `[key, [place, value, ...], moved]`; `[key, [decisions], moved, sketch]` where it differs from none |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm_litecoop.models.base import Usage
from tvm_litecoop.search.events import Result
from tvm_litecoop.sites import Value
from tvm_litecoop.values import (
    Built,
    Edit,
    Measurement,
    Mutate,
    Program,
    Proposal,
    Rejection,
    Resample,
    SetDecision,
    SetSketch,
    Why,
    rounded,
)


def short(values: list[Any], defaults: Sequence[Any]) -> list[Any]:
    """A list without what has its default at its end."""
    first = len(values) - len(defaults)
    while len(values) > first and (values[-1] is None) == (defaults[len(values) - first - 1] is None):
        if values[-1] != defaults[len(values) - first - 1]:
            break
        values.pop()
    return values


def usage(usage: Usage) -> list[Any]:
    """What a call cost."""
    return short([usage.tokens_in, usage.tokens_out, usage.usd, usage.seconds], (0, 0, 0, 0))


def result(result: Result) -> list[Any]:
    """What became of a candidate; times are in microseconds, which are shorter, and the marks are bits."""
    one = result.measurement
    marks = result.hit + 2 * result.record + 4 * result.small
    mean = None if one.seconds is None else rounded(one.seconds * 1e6)
    repeats = [rounded(seconds * 1e6) for seconds in one.run_secs]
    return short([one.node, mean, repeats, marks, one.error], ([], 0, ""))


def to_result(node: int, mean: float | None, repeats: Sequence[float] = (), marks: int = 0, error: str = "") -> Result:
    """The result."""
    seconds = None if mean is None else rounded(mean * 1e-6)
    measurement = Measurement(node, seconds, error, tuple(rounded(one * 1e-6) for one in repeats))
    return Result(measurement, bool(marks & 1), bool(marks & 2), bool(marks & 4))


def proposal(proposal: Proposal) -> list[Any]:
    """A usable answer."""
    return short([[*map(edit, proposal.edits)], proposal.next_member, proposal.reason], ("", ""))


def to_proposal(edits: list[Any], next_member: str = "", reason: str = "") -> Proposal:
    """The proposal."""
    return Proposal(tuple(map(to_edit, edits)), next_member, reason)


def rejection(rejection: Rejection) -> list[Any]:
    """An answer that cannot be used."""
    return short([rejection.why.value, rejection.detail], ("",))


def to_rejection(body: list[Any]) -> Rejection:
    """The rejection."""
    return Rejection(Why(body[0]), *body[1:])


def edit(edit: Edit) -> list[Any]:
    """A change of a program."""
    match edit:
        case SetDecision(site, value):
            return [site, value]
        case SetSketch(sketch):
            return [sketch]
        case Mutate(mutator, seed):
            return [mutator, seed, 1]
        case Resample(sketch, seed):
            return [sketch, seed]


def to_edit(body: list[Any]) -> Edit:
    """The edit."""
    first, *rest = body
    if isinstance(first, str):
        return Mutate(first, rest[0]) if len(rest) == 2 else SetDecision(first, to_value(rest[0]))
    return Resample(first, rest[0]) if rest else SetSketch(first)


def to_value(value: Any) -> Value:
    """A decision; JSON knows no tuples."""
    return tuple(value) if isinstance(value, list) else value


def built(built: Built, base: Program | None = None) -> list[Any]:
    """A program, as its difference from another one where that is given."""
    program, key, moved = built.program, built.key, list(built.moved)
    if base is None or (base.sketch, len(base.decisions)) != (program.sketch, len(program.decisions)):
        return [key, list(program.decisions), moved, program.sketch]
    pairs = zip(base.decisions, program.decisions, strict=True)
    changed = [part for place, (old, new) in enumerate(pairs) if old != new for part in (place, new)]
    return short([key, changed, moved], ([], []))


def to_built(body: list[Any], base: Program | None = None) -> Built:
    """The program.

    Raises:
        ValueError: It differs from a program that is not given.
    """
    key, rest = body[0], body[1:]
    moved = tuple(rest[1]) if len(rest) > 1 else ()
    if len(rest) == 3:
        return Built(Program(rest[2], tuple(map(to_value, rest[0]))), key, moved)
    if base is None:
        raise ValueError("a difference from no program")
    decisions, changed = list(base.decisions), rest[0] if rest else []
    for place, value in zip(changed[::2], changed[1::2], strict=True):
        decisions[place] = to_value(value)
    return Built(Program(base.sketch, tuple(decisions)), key, moved)
