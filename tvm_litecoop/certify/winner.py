"""The record of a task that is to be used, and on what grounds."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tvm_litecoop.certify.records import Record, Task
from tvm_litecoop.certify.store import Certified
from tvm_litecoop.errors import WorkDirError


def winner(
    task: Task, certificate: Mapping[tuple[str, str], Certified] | None, directory: str
) -> tuple[Record | None, str]:
    """The record to use, None for the untuned program, and what to say of it.

    Args:
        task: As the database holds it.
        certificate: What `store.read` gives.
        directory: The work directory, for the text.

    Raises:
        WorkDirError: What was certified is gone.
    """
    verify = f"litecoop verify {shlex.quote(directory)}"
    if certificate is None or (task.hash, task.target) not in certificate:
        fastest = task.records[0]
        return fastest, f"record {fastest.line}, the fastest as recorded; NOT verified: {verify}"
    certified = certificate[task.hash, task.target]
    newer = len(task.records) - certified.records
    more = f"; {newer} records came after that: {verify}" if newer > 0 else ""
    if certified.digest is None:
        return None, f"the untuned program: no record was right and faster{more}"
    for record in task.records:
        if record.digest == certified.digest:
            return record, f"record {record.line}, certified{more}"
    raise WorkDirError(f"the certified record of task {task.number} is no longer in {directory}", verify)
