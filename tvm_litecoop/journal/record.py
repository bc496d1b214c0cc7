"""What a journal holds of the tasks of a run, read without being written to."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.aside import COMPANIONS
from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.journal import FILE
from tvm_litecoop.journal.store import ENDED, NOTES, Damaged, Newer, Row, Store, Task
from tvm_litecoop.search.events import Event


@dataclass(frozen=True)
class Record:
    """One task.

    Attributes:
        identity: Its workload and target.
        events: All that happened.
        config: Settings of its search.
        seed: Of its search.
        params: Parameter count of each member of the pool.
        ended: Whether it was finished.
    """

    identity: str
    events: list[Event]
    config: SearchConfig
    seed: int
    params: dict[str, float]
    ended: bool


def read(folder: Path) -> list[Record]:
    """The tasks of the newest run in a work directory.

    Raises:
        WorkDirError: There is no journal, or one that cannot be read.
    """
    file = folder / FILE
    if not file.exists():
        raise WorkDirError(f"no journal in {str(folder)!r}", "name the work dir of a `litecoop tune`")
    try:
        with _open(file) as store:
            tasks, rows = store.tasks(), list(store.rows())
        newest = max((task.run for task in tasks), default=0)
        return [_record(task, rows) for task in tasks if task.run == newest]
    except (Damaged, Newer, sqlite3.Error, KeyError, ValueError, TypeError) as error:
        hint = "`litecoop tune` in that work dir sets a damaged one aside and goes on with what is good"
        raise WorkDirError(f"{file} cannot be read: {error}", hint) from None


@contextmanager
def _open(file: Path) -> Iterator[Store]:
    """The journal; a copy of it where SQLite could not keep its own files beside it."""
    with tempfile.TemporaryDirectory(prefix="litecoop-") as folder:
        if not os.access(file.parent, os.W_OK):
            for companion in COMPANIONS:
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{file}{companion}", Path(folder) / f"{FILE}{companion}")
            file = Path(folder) / FILE
        store = Store(file)
        try:
            yield store
        finally:
            store.close()


def _record(task: Task, rows: Sequence[Row]) -> Record:
    mine = [(row.kind, row.body) for row in rows if row.task == task.id]
    events = Book(past=[(kind, body) for kind, body in mine if kind not in NOTES]).past
    ended = any(kind == ENDED for kind, _ in mine)
    config, pool = SearchConfig(**json.loads(task.facts["settings"])), json.loads(task.facts["pool"])
    return Record(task.identity, events, config, int(task.facts["seed"]), pool["members"], ended)
