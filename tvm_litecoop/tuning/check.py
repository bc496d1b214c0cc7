"""The final check of a run: its best record certified as `litecoop verify` does, and all searches timed together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tvm_ffi

from tvm_litecoop.certify import kernels, records, store
from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.certify.examiner import Examiner
from tvm_litecoop.certify.judge import Case
from tvm_litecoop.certify.note import note
from tvm_litecoop.certify.verify import Say, certify
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.tuning.session import Session
from tvm_litecoop.workloads import Workload

TOP = 3
"""Records that are tried; `litecoop verify` tries more."""


def check_and_time(sessions: Sequence[Session], workload: Workload, target: Any, say: Say) -> list[TaskCertificate]:
    """Certify the best record of each run, then time what was certified in turns. Writes to the outcomes.

    A built-in workload's numpy reference is asked as well.

    Returns:
        The certificates of the runs that left a record; they are in the work directories too.
    """
    spec = workload.spec if workload.reference is not None else ""
    found: list[tuple[Session, TaskCertificate]] = []
    with Examiner() as examiner:
        for session in sessions:
            outcome, task = session.outcome, _task(session, workload, target)
            if task is None:
                outcome.unchecked = "no kernel"
                continue
            said = certify(task, examiner, say, top=TOP, spec=spec)
            store.write(outcome.directory, [said], keep=True)
            note(outcome.directory, [said])
            found.append((session, said))
            outcome.unchecked = said.unchecked
            if not said.unchecked:
                outcome.certificate, outcome.correct = said.as_json(), not said.harmful
                outcome.final_s, outcome.worst_error = said.seconds, said.worst
                outcome.speedup = said.speedup
        checked = [pair for pair in found if not pair[1].unchecked]
        if len(checked) > 1:
            _time_together(checked, examiner)
    return [said for _, said in found]


def _time_together(found: Sequence[tuple[Session, TaskCertificate]], examiner: Examiner) -> None:
    task = found[0][1].task
    texts = [said.winner.record.text if said.winner else "" for _, said in found]
    times = examiner.together(Case(task.workload, task.target, ""), texts)
    for (session, _), seconds in zip(found, times or [], strict=times is not None):
        session.outcome.final_s = seconds


def _task(session: Session, workload: Workload, target: Any) -> records.Task | None:
    """The run's own task in its database, which may hold others."""
    try:
        tasks = records.read(session.outcome.directory).tasks
    except WorkDirError:
        return None  # no candidate ran
    for task in tasks:
        same = str(kernels.target_of(task.target)) == str(target)
        if same and tvm_ffi.structural_equal(kernels.module_of(task.workload), workload.mod):
            return task
    return None
