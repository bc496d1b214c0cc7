"""`certificate.json` in a work directory, and how a file there is replaced."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.errors import WorkDirError

FILE = "certificate.json"


def write(directory: str, tasks: Sequence[TaskCertificate], *, keep: bool = False) -> str:
    """Write `certificate.json`, whole or not at all.

    Args:
        directory: The work directory.
        tasks: What was found.
        keep: Leave what an earlier certificate says of other tasks.

    Returns:
        The text.

    Raises:
        WorkDirError: It cannot be written.
    """
    found = [task.as_json() for task in tasks]
    if keep:
        known = {_key(task) for task in found}
        found = [task for task in _tasks(directory) or () if _key(task) not in known] + found
        found.sort(key=lambda task: int(task["task"]))
    text = json.dumps({"version": 1, "tasks": found}, indent=2, allow_nan=False) + "\n"
    put(Path(directory) / FILE, text)
    return text


def put(file: Path, text: str) -> None:
    """Replace a file of a work directory, whole or not at all.

    Raises:
        WorkDirError: It cannot be written.
    """
    draft = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        draft.write_text(text)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
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
    tasks = _tasks(directory)
    if tasks is None:
        return None
    return {_key(task): Certified(task["digest"], task["records"]) for task in tasks if not task["unchecked"]}


def _key(task: dict[str, Any]) -> tuple[str, str]:
    return str(task["workload"]), json.dumps(task["target"], sort_keys=True)


def _tasks(directory: str) -> list[dict[str, Any]] | None:
    file = Path(directory) / FILE
    if not file.exists():
        return None
    try:
        tasks = json.loads(file.read_text())["tasks"]
        return [task for task in tasks if {"task", "unchecked", "digest", "records"} <= task.keys() and _key(task)]
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        raise WorkDirError(f"{file} is not a certificate", f"remove it; then: litecoop verify {directory}") from None
