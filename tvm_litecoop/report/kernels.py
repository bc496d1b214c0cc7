"""The winner of each task beside the untuned program, from what the database and the certificate hold.

Only the texts of programs need TVM. What cannot be shown is left out with the reason, which is data too. The page is
handed on: of the work directory it holds the name alone, not where it lies.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tvm_litecoop.certify import numbered, records, store
from tvm_litecoop.certify.records import Record, Task
from tvm_litecoop.certify.winner import winner
from tvm_litecoop.compat import check_versions
from tvm_litecoop.errors import LiteCoOpError, last_line
from tvm_litecoop.tuning.threads import use_physical_cores

HASHES = 2**64
"""TVM's structural hashes are numbers below this; some of its printers give them a sign."""


@dataclass
class Kernel:
    """What is known of a task outside of the journal.

    Attributes:
        title: Shapes of its arguments.
        which: The winner and its grounds.
        certificate: What `certificate.json` says of the task.
        untuned, tuned: The programs as TVMScript.
        schedule: The winner's schedule as statements.
        missing: Why something of it is not there.
    """

    title: str = ""
    which: str = ""
    certificate: dict[str, Any] | None = None
    untuned: str = ""
    tuned: str = ""
    schedule: list[str] = field(default_factory=list)
    missing: str = ""


class Kernels:
    """The database and the certificate of a work directory."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._why = folder, ""
        self._tasks: tuple[Task, ...] = ()
        self._certified: dict[tuple[str, str], store.Certified] | None = None
        self._certificates: list[dict[str, Any]] = []
        try:
            self._certified, self._certificates = store.read(str(folder)), store.tasks(str(folder)) or []
            self._tasks = numbered.read(str(folder)).tasks
        except LiteCoOpError as error:
            self._why = self._named(error.message)
            self._read_uncertified()

    def _read_uncertified(self) -> None:
        """What lies there is no certificate, or there is no database."""
        try:
            self._tasks = records.read(str(self._folder)).tasks
        except LiteCoOpError as error:
            self._why = self._named(error.message)

    def of(self, identity: str) -> Kernel:
        """What is known of a task of the journal."""
        task = self._task(identity)
        if task is None:
            return Kernel(missing=self._why or "the database holds no record of this task that has a time")
        kernel = Kernel(task.title, certificate=self._certificate(task), missing=self._why)
        try:
            record, kernel.which = winner(task, self._certified, self._folder.resolve().name)
            check_versions()
            _write_programs(kernel, task, record)
        except LiteCoOpError as error:
            kernel.missing = self._named(error.message)
        except Exception as error:  # what TVM raises at a foreign record, or where it is broken, has no common type
            kernel.missing = f"TVM cannot show the programs: {self._named(last_line(error))}"
        return kernel

    def _certificate(self, task: Task) -> dict[str, Any] | None:
        """What was certified of a task, unless that record is gone: it was one of another run then."""
        there = {None, *(record.digest for record in task.records)}
        same = (one for one in self._certificates if store.key(one) == (task.hash, task.target))
        return next((one for one in same if one["digest"] in there), None)

    def _named(self, text: str) -> str:
        """A text with the name of the work directory in place of the way there."""
        place = self._folder.resolve()
        for way in (str(place), str(self._folder)):
            if os.sep in way:
                text = text.replace(repr(way)[1:-1], place.name).replace(way, place.name)
        return text

    def _task(self, identity: str) -> Task | None:
        number, _, target = identity.partition(" ")
        same = (task for task in self._tasks if _hash(task.hash, 10) == _hash(number, 16))
        return next((task for task in same if _target(task.target) == _target(target)), None)


def _write_programs(kernel: Kernel, task: Task, record: Record | None) -> None:
    """Fill in the texts."""
    use_physical_cores()
    from tvm_litecoop.certify.kernels import module_of, schedule_of

    kernel.untuned = _script(module_of(task.workload))
    if record is not None:
        schedule = schedule_of(task.workload, record.text)
        kernel.tuned = _script(schedule.mod)
        kernel.schedule = list(map(str, schedule.trace.as_python()))


def _script(mod: Any) -> str:
    """TVMScript without the comments that say what to import."""
    return "\n".join(line for line in mod.script().splitlines() if not line.startswith("# from")).strip()


def _hash(text: str, base: int) -> int | None:
    try:
        return int(text, base) % HASHES
    except ValueError:
        return None


def _target(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
