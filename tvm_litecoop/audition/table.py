"""Checks and auditions as tables, and the pool that an audition suggests."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tvm_litecoop.audition.check import Checked
from tvm_litecoop.audition.stage import Score

YARDSTICK = "mutator"
"""A model that proposes fewer useful programs than TVM's own random mutations is not worth asking."""


def checked(found: Sequence[Checked]) -> Table:
    """One row per member."""
    table = _table("member", "answers", "in form", "seconds", "tokens in/out", "USD")
    for one in found:
        form = f"{one.in_form[0]} of {one.in_form[1]}" if not one.fault else ""
        tokens = f"{one.tokens[0]}/{one.tokens[1]}" if any(one.tokens) else ""
        table.add_row(one.name, one.fault or "yes", form, f"{one.seconds:.2f}", tokens, f"{one.usd:.5f}")
    return table


def scored(scores: Sequence[Score]) -> Table:
    """One row per member; lifts are predicted by TVM's cost model, nothing was measured."""
    table = _table("member", "valid", "new", "useful", "predicted lift", "s a call", "USD/useful", "faults")
    for one in scores:
        parts = [_share(count, one.proposals) for count in (one.valid, one.new, one.useful)]
        usd = f"{one.usd / one.useful:.5f}" if one.useful else ("" if not one.usd else "never")
        seconds = f"{one.seconds / one.calls:.2f}" if one.calls else ""
        table.add_row(one.name, *parts, f"{one.lift:.2f}x", seconds, usd, one.fault or str(one.faults))
    return table


def suggestion(scores: Sequence[Score]) -> str:
    """Whom to keep: the free members, and each model that mostly answers and beats random mutations."""
    yardstick = next((one for one in scores if one.name == YARDSTICK), None)
    bar = _rate(yardstick) if yardstick else 0.0
    kept = [one.name for one in scores if one.free or (_answers(one) and one.useful and _rate(one) >= bar)]
    left = [one.name for one in scores if one.name not in kept]
    words = f"suggested pool: {', '.join(kept) or 'none of these'}"
    reason = f"no better than {YARDSTICK}" if yardstick else "nothing useful"
    return f"{words}; left out: {', '.join(left)} ({reason}, or it did not answer)" if left else words


def _answers(score: Score) -> bool:
    return not score.fault and 2 * score.faults <= score.calls


def _rate(score: Score) -> float:
    return score.useful / score.proposals if score.proposals else 0.0


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "0%"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number > 1 else "left")
    return table
