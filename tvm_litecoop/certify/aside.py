"""Rejected records out of the database, into `rejected.json` beside it. Nothing is deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.certify.records import RECORDS
from tvm_litecoop.certify.store import put
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.lock import Lock

FILE = "rejected.json"
UNTRIED = "not tried: slower by its record than those that were rejected, and the default is certified"


def set_aside(directory: str, tasks: Sequence[TaskCertificate]) -> int:
    """Move what a user must not get, so that TVM's `compile_tir` finds the certified record, or none.

    A line of `rejected.json` is `{"reason": ..., "record": [...]}`; the record is what the database held, and appended
    there again it is back.

    Returns:
        How many were moved.

    Raises:
        WorkDirError: A file cannot be written, or a run goes on there.
    """
    try:
        with Lock(Path(directory)):
            return _moved(directory, tasks)
    except OSError as error:
        raise WorkDirError(f"{directory} cannot be written: {error.strerror}", "free the work dir") from None


def _moved(directory: str, tasks: Sequence[TaskCertificate]) -> int:
    reasons = {verdict.record.text: verdict.reason for task in tasks for verdict in task.rejected}
    for task in tasks:
        if task.winner is None and not task.unchecked:
            reasons.update({record.text: UNTRIED for record in task.task.records if record.text not in reasons})
    path = Path(directory) / RECORDS
    lines = path.read_text("utf-8").splitlines()
    moved = [line for line in lines if line in reasons]
    if not moved:
        return 0
    try:
        with (Path(directory) / FILE).open("a") as file:
            for line in moved:
                file.write(json.dumps({"reason": reasons[line], "record": json.loads(line)}) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before the database lets go of them
    except OSError as error:
        raise WorkDirError(f"{path.with_name(FILE)} cannot be written: {error.strerror}", "free the work dir") from None
    put(path, "".join(f"{line}\n" for line in lines if line not in reasons))
    return len(moved)
