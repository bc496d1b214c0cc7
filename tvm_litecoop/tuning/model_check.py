"""The end of a run on a model: records certified, the model compiled of those alone, compared, timed in turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import tvm_ffi
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.certify import kernels, records, store
from tvm_litecoop.certify.certificate import HARMFUL, TaskCertificate
from tvm_litecoop.certify.examiner import Examiner
from tvm_litecoop.certify.note import note
from tvm_litecoop.certify.verify import Say, certify
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.intervals import interval
from tvm_litecoop.model_files.model import Array, Model
from tvm_litecoop.tuning.artifact import About
from tvm_litecoop.tuning.end_to_end import Running, deviation, in_turns, middle
from tvm_litecoop.tuning.lowering import compiled, untuned
from tvm_litecoop.tuning.model_outcome import ModelOutcome
from tvm_litecoop.tuning.tasks import ModelTask

TOP = 3
"""Records of a task that are tried."""


def finish(
    outcomes: Sequence[ModelOutcome], model: Model, mod: Any, tasks: Sequence[ModelTask], target: Any, say: Say
) -> Any:
    """Certify, compile, compare and time; writes to the outcomes.

    Args:
        outcomes: Of the searches that are compared.
        model: What was tuned.
        mod: Its fused module.
        tasks: Its tasks.
        target: For which machine.
        say: Told what goes on.

    Returns:
        The executable of the last search; None where its outputs are wrong.
    """
    executables = []
    about = About(model.spec, str(target), model.inputs).as_text()
    with Examiner() as examiner:
        for outcome in outcomes:
            database = ms.database.MemoryDatabase()
            for task, said in _certified(outcome.directory, tasks, target, examiner, say):
                _book(outcome, task, said, database, say)
            executables.append(compiled(mod, database, target, about))
    default = Running(untuned(model.mod, target))
    running = [Running(executable) for executable in executables]
    inputs = model.arrays()
    _compare(outcomes, model, inputs, default, running, say)
    times = in_turns([one.calling(inputs) for one in (default, *running)])
    for outcome, own in zip(outcomes, times[1:], strict=True):
        outcome.untuned_s, outcome.final_s, outcome.rounds_s = middle(times[0]), middle(own), own
        pairs = zip(times[0], own, strict=False)  # a slow one is timed in the first rounds alone
        outcome.speedup = interval([[before / after for before, after in pairs]])
    return executables[-1] if outcomes[-1].correct else None


def _certified(
    directory: str, tasks: Sequence[ModelTask], target: Any, examiner: Examiner, say: Say
) -> list[tuple[ModelTask, TaskCertificate]]:
    """The certificates of those tasks that have records; they are in the work directory too."""
    try:
        known = records.read(directory).tasks
    except WorkDirError:
        return []  # no candidate ran
    found = []
    for one in known:
        task = _of(one, tasks, target)
        if task is not None:
            say(f"certifying {task.name}: {min(TOP, len(one.records))} of {len(one.records)} records")
            found.append((task, certify(one, examiner, say, top=TOP)))
    store.write(directory, [said for _, said in found], keep=True)
    note(directory, [said for _, said in found])
    return found


def _of(known: records.Task, tasks: Sequence[ModelTask], target: Any) -> ModelTask | None:
    if str(kernels.target_of(known.target)) != str(target):
        return None
    mod = kernels.module_of(known.workload)
    return next((task for task in tasks if tvm_ffi.structural_equal(mod, task.mod)), None)


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


def _compare(
    outcomes: Sequence[ModelOutcome],
    model: Model,
    inputs: Sequence[Array],
    default: Running,
    running: Sequence[Running],
    say: Say,
) -> None:
    """Outputs against the reference; without one against the untuned model, which is said."""
    own = default(inputs)
    expected = model.reference(inputs) if model.reference is not None else own
    checked_by = model.checked_by if model.reference is not None else f"the untuned model ({model.checked_by})"
    if model.reference is not None and (off := deviation(own, expected)) > 1.0:
        say(f"{model.spec}: the untuned model is off too, by {off:.3g} times what is allowed: TVM mistranslates it")
    for outcome, one in zip(outcomes, running, strict=True):
        outcome.worst_error, outcome.checked_by = deviation(one(inputs), expected), checked_by
        outcome.correct = outcome.worst_error <= 1.0
