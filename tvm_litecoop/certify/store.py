"""`certificate.json` in a work directory, and how a file there is replaced."""

from __future__ import annotations

import errno
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tvm_litecoop import atomic
from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.errors import WorkDirError

FILE = "certificate.json"


def write(directory: str, certificates: Sequence[TaskCertificate]) -> None:
    """Write `certificate.json`, whole or not at all; what an earlier one says of other tasks stays.

    Raises:
        WorkDirError: It cannot be written, or an earlier one cannot be read.
    """
    found = [task.as_json() for task in certificates]
    known = {key(task) for task in found}
    found += [task for task in tasks(directory) or () if key(task) not in known]
    found.sort(key=lambda task: int(task["task"]))
    put(Path(directory) / FILE, _text(found))


def as_text(certificates: Sequence[TaskCertificate]) -> str:
    """What `write` writes."""
    return _text([task.as_json() for task in certificates])


def _text(tasks: Sequence[dict[str, Any]]) -> str:
    return json.dumps({"version": 1, "tasks": tasks}, indent=2, allow_nan=False) + "\n"


def put(file: Path, text: str) -> None:
    """Replace a file of a work directory, whole or not at all.

    Raises:
        WorkDirError: It cannot be written.
    """
    try:
        atomic.replace(file, text.encode())
    except OSError as error:
        hint = "make room there" if error.errno == errno.ENOSPC else "make the work dir writable"
        raise WorkDirError(f"{file} cannot be written: {error.strerror}", hint) from None


class Certified(NamedTuple):
    """What a certificate says of a task.

    Attributes:
        digest: Of the certified record; None for the untuned program.
        records: How many there were then.
    """

    digest: str | None
    records: int


def read(directory: str) -> dict[tuple[str, str], Certified] | None:
    """What is certified of each `(workload, target)`; None where there is no certificate.

    Raises:
        WorkDirError: The file is not a certificate.
    """
    found = tasks(directory)
    if found is None:
        return None
    return {key(task): Certified(task["digest"], task["records"]) for task in found if not task["unchecked"]}


def key(task: dict[str, Any]) -> tuple[str, str]:
    """The workload and the target of such a task, as in `records.Task`."""
    return str(task["workload"]), json.dumps(task["target"], sort_keys=True)


def tasks(directory: str) -> list[dict[str, Any]] | None:
    """What the certificate says of each task (`TaskCertificate.as_json`); None where there is none.

    Raises:
        WorkDirError: The file is not a certificate.
    """
    file = Path(directory) / FILE
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text())["tasks"]
        return [task for task in found if {"task", "unchecked", "digest", "records"} <= task.keys() and key(task)]
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        raise WorkDirError(
            f"{file} is not a certificate", f"remove it; then: litecoop verify {shlex.quote(directory)}"
        ) from None
