"""What a certificate looks like on a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.table import Table

from tvm_litecoop import fast_math
from tvm_litecoop.certify import kernels
from tvm_litecoop.certify.certificate import TaskCertificate, Verdict


def table(tasks: Sequence[TaskCertificate]) -> Table:
    """Every record that was tried, under its task's default."""
    found = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("task", "record", "recorded ms", "measured ms", "x default's time", "worst", "verdict"):
        found.add_column(name, justify="left" if name in ("task", "verdict") else "right", overflow="fold")
    for task in tasks:
        name = f"{task.task.number}: {task.task.title}"
        if task.unchecked:
            found.add_row(name, "", "", "", "", "", f"unchecked: {task.unchecked}")
            continue
        certified = "" if task.winner else "certified"
        found.add_row(name, "default", "", f"{task.default_s * 1e3:.4f}", "1", "", certified)
        for verdict in task.verdicts:
            found.add_row("", *_row(verdict))
    return found


def summary(task: TaskCertificate) -> str:
    """One line: what is certified, and on what grounds."""
    name = f"task {task.task.number}"
    if task.unchecked:
        return f"{name}: not checked: {task.unchecked}"
    if task.winner is None or task.speedup is None:
        left = len(task.task.records) - len(task.verdicts)
        more = f"; {left} slower ones were not tried (--top)" if left else ""
        return (
            f"{name}: the untuned program is certified: none of {len(task.verdicts)} records is right and faster{more}"
        )
    mean, low, high = task.speedup
    times = f"{mean:.2f} times as fast as the untuned program [{low:.2f}, {high:.2f}]"
    return f"{name}: record {task.winner.record.line} is certified: right, and {times}"


def _row(verdict: Verdict) -> tuple[str, ...]:
    worst = max((off for _, off in verdict.worst), default=None)
    return (
        str(verdict.record.line),
        f"{verdict.record.seconds * 1e3:.4g}",
        f"{verdict.seconds * 1e3:.4f}" if verdict.seconds else "",
        str(verdict.ratio) if verdict.ratio else "",
        f"{worst:.2g}" if worst is not None else "",
        verdict.status,
    )


def reasons(task: TaskCertificate) -> list[str]:
    """A line for each record that was rejected."""
    name = f"task {task.task.number}"
    return [f"{name}: record {v.record.line} is rejected, {v.status}: {v.reason}" for v in task.rejected]


def how(directory: str, tasks: Sequence[TaskCertificate], *, set_aside: bool = False) -> list[str]:
    """How to get what is certified: with TVM where its database leads there, else by this package's commands.

    Args:
        directory: The work directory.
        tasks: The certificates.
        set_aside: What was rejected is no longer in the database, nor in the tasks' records.
    """
    quoted = shlex.quote(directory)
    eject = f"litecoop eject {quoted}"
    tasks = [task for task in tasks if not task.unchecked]
    if not tasks:
        return [f"nothing here is certified; the fastest records, unverified, as plain TVM Python: {eject}"]
    fast = any(fast_math.asked(kernels.target_of(task.task.target)) for task in tasks)
    taken = [_taken(task) for task in tasks]
    if all(line == task.winner_line for task, line in zip(tasks, taken, strict=True)):
        compiled = f"compile_tir(JSONDatabase(work_dir={directory!r}), mod, target)"
        default = "; None stands for the untuned program" if any(task.winner is None for task in tasks) else ""
        then = f", its .mod with tvm_litecoop.fast_math.compiled for the target {fast_math.KEY!r}" if fast else ""
        plain = ", without fast math" if fast else ""
        return [
            f"to compile what is certified: {compiled}{default}{then}",
            f"as plain TVM Python{plain}: {eject}",
        ]
    lines = [f"to compile what is certified: {eject}" + (", whose files leave fast math out" if fast else "")]
    if any(task.rejected for task in tasks) and not set_aside:
        line = f"TVM's compile_tir may take a rejected record; litecoop verify {quoted} --set-aside prevents that"
        return [line, *lines]
    if any(line in {record.line for record in task.task.elsewhere} for task, line in zip(tasks, taken, strict=True)):
        return [*lines, "TVM's compile_tir takes the best time in the directory, here one recorded for another target"]
    return [*lines, "TVM's compile_tir takes the best recorded time, which was slower when all were timed in turns"]


def _taken(task: TaskCertificate) -> int | None:
    """Line of the record that TVM's `compile_tir` takes, whatever its target; None for the untuned program."""
    records = [*task.task.records, *task.task.elsewhere]
    return min(records, key=lambda record: record.seconds).line if records else None
