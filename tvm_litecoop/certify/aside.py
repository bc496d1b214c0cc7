"""Rejected records out of the database, into `rejected.json` beside it. Nothing is deleted."""

from __future__ import annotations

import json
import os
from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.certify.records import RECORDS, Record
from tvm_litecoop.certify.store import put
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.lock import Lock

FILE = "rejected.json"
UNTRIED = "not tried: slower by its record than those that were rejected, and the default is certified"


def set_aside(directory: str, tasks: Sequence[TaskCertificate]) -> tuple[int, list[TaskCertificate]]:
    """Move what a user must not get, so that TVM's `compile_tir` finds the certified record, or none.

    A line of `rejected.json` is `{"reason": ..., "workload": ..., "record": [...]}`: TVM's hash of the workload, and
    what the database held; appended there again it is back.

    Returns:
        How many were moved, and the certificates with the records that are left, by the lines where they are now.

    Raises:
        WorkDirError: A file cannot be written, or a run goes on there.
    """
    try:
        with Lock(Path(directory)):
            gone = _moved(directory, tasks)
    except OSError as error:
        raise WorkDirError(f"{directory} cannot be written: {error.strerror}", "free the work dir") from None
    return len(gone), [_without(task, gone) for task in tasks]


def _without(certificate: TaskCertificate, gone: list[int]) -> TaskCertificate:
    """A certificate after these lines were taken out of the database."""

    def now(record: Record) -> Record:
        return replace(record, line=0 if record.line in gone else record.line - bisect(gone, record.line))

    def left(records: Sequence[Record]) -> tuple[Record, ...]:
        return tuple(record for record in map(now, records) if record.line)

    task = certificate.task
    return replace(
        certificate,
        task=replace(task, records=left(task.records), elsewhere=left(task.elsewhere)),
        verdicts=tuple(replace(verdict, record=now(verdict.record)) for verdict in certificate.verdicts),
    )


def _moved(directory: str, tasks: Sequence[TaskCertificate]) -> list[int]:
    """The lines that are no longer in the database, in their order."""
    reasons = {verdict.record.text: verdict.reason for task in tasks for verdict in task.rejected}
    for task in tasks:
        if task.winner is None and not task.unchecked:
            reasons.update({record.text: UNTRIED for record in task.task.records if record.text not in reasons})
    workloads = {one.text: task.task.hash for task in tasks for one in (*task.task.records, *task.task.elsewhere)}
    path = Path(directory) / RECORDS
    lines = path.read_text("utf-8").splitlines()
    moved = [number for number, line in enumerate(lines, 1) if line in reasons]
    if not moved:
        return []
    try:
        with (Path(directory) / FILE).open("a") as file:
            file.write(_line_end(Path(directory) / FILE))
            for line in (lines[number - 1] for number in moved):
                entry = {"reason": reasons[line], "workload": workloads.get(line), "record": json.loads(line)}
                file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before the database lets go of them
    except OSError as error:
        raise WorkDirError(f"{path.with_name(FILE)} cannot be written: {error.strerror}", "free the work dir") from None
    put(path, "".join(f"{line}\n" for line in lines if line not in reasons))
    return moved


def _line_end(file: Path) -> str:
    """What a file lacks whose last line was not written to its end: a full disk leaves such."""
    return "" if file.read_bytes()[-1:] in (b"", b"\n") else "\n"
