"""What a run's own kernels are worth: the records of its work directory, certified as `litecoop verify` does."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import tvm_ffi

from tvm_litecoop.certify import kernels, numbered, records, store
from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.certify.examiner import Examiner
from tvm_litecoop.certify.note import note
from tvm_litecoop.certify.records import Task
from tvm_litecoop.certify.verify import Say, certify
from tvm_litecoop.errors import WorkDirError

TOP = 3
"""Records of a task that are tried; `litecoop verify` tries more."""


def certified(
    directory: str,
    mods: Sequence[Any],
    target: Any,
    examiner: Examiner,
    say: Say,
    spec: str = "",
    *,
    rematch: bool = False,
) -> list[tuple[int, TaskCertificate]]:
    """Certify the kernels that have records, of which the directory may hold others too. The certificates go there.

    Args:
        directory: The work directory.
        mods: The untuned kernels of the run.
        target: For which machine.
        examiner: Runs what is to be judged.
        say: Told what is rejected.
        spec: A built-in workload whose numpy reference is asked as well.
        rematch: Let the next best records challenge the first right one. Not where kernels are timed with cold weights:
            a rematch is warm.

    Returns:
        Number of the kernel, and its certificate.
    """
    found = []
    for task in _with_records(directory):
        number = _number(task, mods, target)
        if number is not None:
            said = certify(task, examiner, say, top=TOP, spec=spec, rematch=rematch)
            found.append((number, said))
            _keep(directory, said, say)
    return found


def _with_records(directory: str) -> list[Task]:
    """The tasks that have any; none where no candidate ran."""
    for read in (numbered.read, records.read):  # what lies there may be no certificate
        with suppress(WorkDirError):
            return [task for task in read(directory).tasks if task.records]
    return []


def _keep(directory: str, said: TaskCertificate, say: Say) -> None:
    """At once: the next task may take minutes, and Ctrl-C may come."""
    try:
        store.write(directory, [said])
    except WorkDirError as error:
        say(f"the certificate is not kept, litecoop verify {shlex.quote(directory)} makes it again: {error}")
    note(directory, [said])


def _number(task: Task, mods: Sequence[Any], target: Any) -> int | None:
    if str(kernels.target_of(task.target)) != str(target):
        return None
    mod = kernels.module_of(task.workload)
    return next((number for number, one in enumerate(mods) if tvm_ffi.structural_equal(mod, one)), None)
