"""The end of a run on a model: records certified, the model compiled of those alone, compared, timed in turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.certify import kernels
from tvm_litecoop.certify.certificate import HARMFUL, TaskCertificate
from tvm_litecoop.certify.examiner import Examiner
from tvm_litecoop.certify.verify import Say
from tvm_litecoop.intervals import interval
from tvm_litecoop.model_files.model import Model
from tvm_litecoop.tuning.artifact import About
from tvm_litecoop.tuning.certified import certified
from tvm_litecoop.tuning.end_to_end import Running, deviation, in_turns, middle
from tvm_litecoop.tuning.lowering import compiled
from tvm_litecoop.tuning.model_outcome import ModelOutcome
from tvm_litecoop.tuning.tasks import ModelTask
from tvm_litecoop.tuning.yardstick import Yardstick


def finish(
    outcomes: Sequence[ModelOutcome],
    model: Model,
    mod: Any,
    tasks: Sequence[ModelTask],
    yardstick: Yardstick,
    say: Say,
) -> Any:
    """Certify, compile, compare and time; writes to the outcomes.

    Args:
        outcomes: Of the searches that are compared.
        model: What was tuned.
        mod: Its fused module.
        tasks: Its tasks.
        yardstick: What it is held against.
        say: Told what goes on.

    Returns:
        The executable of the last search; None where its outputs are wrong.
    """
    executables = []
    with Examiner() as examiner:
        for outcome in outcomes:
            database = ms.database.MemoryDatabase()
            say(f"certifying the kernels of {outcome.strategy}")
            own = kernels.target_of(outcome.target)
            about = About(Path(model.spec).name, outcome.target, model.inputs).as_text()
            for number, said in certified(outcome.directory, [task.mod for task in tasks], own, examiner, say):
                _book(outcome, tasks[number], said, database, say)
            executables.append(compiled(mod, database, own, about))
    running = [Running(executable) for executable in executables]
    for outcome, one in zip(outcomes, running, strict=True):
        outcome.worst_error = deviation(one(yardstick.inputs), yardstick.expected)
        outcome.checked_by, outcome.allowed = yardstick.checked_by, yardstick.allowed
        outcome.correct = outcome.worst_error <= 1.0
    times = in_turns([one.calling(yardstick.inputs) for one in (yardstick.untuned, *running)])
    for outcome, own in zip(outcomes, times[1:], strict=True):
        outcome.untuned_s, outcome.final_s, outcome.rounds_s = middle(times[0]), middle(own), own
        pairs = zip(times[0], own, strict=False)  # a slow one is timed in the first rounds alone
        outcome.speedup = interval([[before / after for before, after in pairs]])
    return executables[-1] if outcomes[-1].correct else None


def _book(outcome: ModelOutcome, task: ModelTask, said: TaskCertificate, database: Any, say: Say) -> None:
    """What is certified goes into the database that the model is compiled from, and nothing else."""
    for verdict in said.rejected:
        say(f"{task.name}: record {verdict.record.line} is rejected, {verdict.status}: {verdict.reason}")
    outcome.harmful += sum(verdict.status in HARMFUL for verdict in said.verdicts)
    for row in outcome.tasks:
        if row.name == task.name:
            row.certified = _in_words(said)
    if said.winner is not None:
        workload = ms.database.Workload.from_json(json.loads(said.task.workload))
        workload = database.commit_workload(workload.mod)
        record = ms.database.TuningRecord.from_json(json.loads(said.winner.record.text)[1], workload)
        database.commit_tuning_record(record)


def _in_words(said: TaskCertificate) -> str:
    if said.unchecked:
        return f"untuned, for it cannot be checked: {said.unchecked}"
    if said.winner is None or said.speedup is None:
        return f"untuned: none of {len(said.verdicts)} records is right and faster"
    mean, low, high = said.speedup
    return f"{mean:.3g}x [{low:.3g}, {high:.3g}]"
