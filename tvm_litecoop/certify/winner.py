"""The record of a task that is to be used, and on what grounds."""

from __future__ import annotations

from collections.abc import Mapping

from tvm_litecoop.certify.records import Record, Task
from tvm_litecoop.errors import WorkDirError


def winner(
    task: Task, certified: Mapping[tuple[str, str], str | None] | None, directory: str
) -> tuple[Record | None, str]:
    """The record to use, None for the untuned program, and what to say of it.

    Args:
        task: As the database holds it.
        certified: What `store.read` gives.
        directory: The work directory, for the text.

    Raises:
        WorkDirError: What was certified is gone.
    """
    fastest = task.records[0]
    if certified is None or (task.hash, task.target) not in certified:
        return fastest, f"record {fastest.line}, the fastest as recorded; NOT verified: litecoop verify {directory}"
    digest = certified[task.hash, task.target]
    if digest is None:
        return None, "the untuned program: no record was right and faster"
    for record in task.records:
        if record.digest == digest:
            return record, f"record {record.line}, certified"
    raise WorkDirError(
        f"the certified record of task {task.number} is no longer in {directory}", f"litecoop verify {directory}"
    )
