"""What is shown of a run on a whole model: its tasks, the searches side by side, whether the outputs are right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tvm_litecoop.tuning import tables
from tvm_litecoop.tuning.model_outcome import ModelOutcome
from tvm_litecoop.tuning.tasks import ModelTask


def chosen(tasks: Sequence[ModelTask]) -> list[str]:
    """Which tasks are tuned, and why the others are not."""
    tuned = [task for task in tasks if not task.left_out]
    said = [f"{len(tuned)} of {len(tasks)} different kernels are tuned"]
    reasons: dict[str, list[str]] = {}
    for task in tasks:
        if task.left_out:
            reasons.setdefault(task.left_out, []).append(task.name)
    return said + [f"not tuned, {why}: {', '.join(names)}" for why, names in reasons.items()]


def shown(outcomes: Sequence[ModelOutcome], wanted: int) -> list[Table | str]:
    """Everything, in order."""
    last = outcomes[-1]
    found: list[Table | str] = [kernels(last), searches(outcomes)]
    if last.members:
        found.append(tables.members(last))
    if last.seconds.get("model") or last.seconds.get("hidden"):
        found.append(tables.model_time(last))
    for outcome in outcomes:
        found += tables.remarks(outcome, wanted)
    if last.harmful:
        found.append(f"{last.harmful} records were wrong, crashed or hung; they are not in the model")
    if last.worst_error is not None:
        found.append(
            f"outputs against {last.checked_by}: off by {last.worst_error:.2g} of what is allowed ({last.allowed})"
        )
    return found


def kernels(outcome: ModelOutcome) -> Table:
    """The kernels of one search."""
    table = tables.plain("kernel", "calls", "trials", "untuned ms", "tuned ms", "certified")
    for task in outcome.tasks:
        table.add_row(
            task.name,
            str(task.weight),
            str(task.trials) if not task.left_out else "",
            f"{task.untuned_s * 1e3:.4g}" if task.untuned_s else "",
            f"{task.best_s * 1e3:.4g}" if task.best_s else "",
            task.certified or ("" if task.left_out else "untuned: no record"),
        )
    return table


def searches(outcomes: Sequence[ModelOutcome]) -> Table:
    """The searches side by side, end to end; the first row is TVM's default without tuning."""
    table = tables.plain("model", "trials", "failed", "ms a run", "5 % to 95 %", "untuned x", "tuning s", "correct")
    first = outcomes[0]
    if first.untuned_s is not None:
        table.add_row("untuned", "", "", *_times(first.untuned_s))
    for outcome in outcomes:
        if outcome.final_s is not None:
            table.add_row(
                outcome.strategy,
                tables.trials(outcome),
                str(outcome.failed),
                *_times(outcome.final_s),
                f"{outcome.speedup:.3g}" if outcome.speedup else "",
                f"{outcome.seconds.get('total', 0.0):.1f}",
                {True: "yes", False: "NO", None: ""}[outcome.correct],
            )
    return table


def _times(seconds: tuple[float, float, float]) -> tuple[str, str]:
    median, low, high = seconds
    return f"{median * 1e3:.4g}", f"[{low * 1e3:.4g}, {high * 1e3:.4g}]"
