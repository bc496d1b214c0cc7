"""The journal of a directory, open: one process at a time, what is good of a damaged file put in its place."""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tvm_litecoop.journal import salvage
from tvm_litecoop.journal.aside import COMPANIONS, set_aside
from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.lock import Lock
from tvm_litecoop.journal.store import ENDED, FILE, Damaged, Row, Store, Task

logger = logging.getLogger(__name__)


@dataclass
class Open:
    """An open journal, the run that is written to it, and the tasks of it that have not ended.

    Attributes:
        database: That of the run.
    """

    store: Store
    lock: Lock
    events: dict[int, list[tuple[str, str]]]
    run: int = 0
    taken: set[int] = field(default_factory=set)
    books: list[Book] = field(default_factory=list)
    database: Any = None

    def unfinished(self, task: Task) -> bool:
        """Whether a task has not ended."""
        return all(kind != ENDED for kind, _ in self.events.get(task.id, ()))

    def finish(self) -> None:
        """The run is finished: all its tasks are, also those that an earlier process began and this one has not."""
        left: list[int] = []
        try:
            left = [task.id for task in self.store.tasks() if task.run == self.run and self.unfinished(task)]
        except (sqlite3.Error, Damaged) as error:
            logger.warning("the journal cannot be read: %s; the next run uses what is good of it", error)
        for book in [*self.books, *(Book(self.store, task) for task in left if task not in self.taken)]:
            book.end()

    def close(self) -> None:
        """Let go of the file and the lock."""
        for book in self.books:
            book.let_go()
        self.store.close()
        self.lock.release()


def opened(folder: Path) -> Open:
    """Open the journal of a directory; a damaged file is set aside and what is good of it goes into a new one."""
    folder.mkdir(parents=True, exist_ok=True)
    lock, file = Lock(folder), folder / FILE
    try:
        found = salvage.read(file) if _was_cut_off(file) else salvage.Found()
        try:
            store, rows = _read(file, found)
        except Damaged as damage:
            found = found if found.rows else salvage.read(file)
            aside = _mended(file, found)
            store, rows = Store(file), found.rows
            kept = f"{len(rows)} events before that are used, the file is kept as {aside}"
            logger.warning("%s is damaged: %s; %s", file, damage, kept)
    except BaseException:
        lock.release()
        raise
    events: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        events[row.task].append((row.kind, row.body))
    return Open(store, lock, events)


def _mended(file: Path, found: salvage.Found) -> Path:
    """Put what is good of a file in its place, where all of that can be written; where the file itself is now."""
    draft, log, _ = drafts = [file.with_name(f"{file.name}.draft{companion}") for companion in COMPANIONS]
    for left in drafts:  # by a process that died at this
        left.unlink(missing_ok=True)
    try:
        store = Store(draft)
        try:
            found.write(store)
        finally:
            store.close()
        if log.exists():  # closing the file did not empty it
            raise OSError(f"{draft} cannot be written whole")
        (aside,) = set_aside(file)
        draft.rename(file)
        return aside
    finally:
        for left in drafts:
            left.unlink(missing_ok=True)


def _was_cut_off(file: Path) -> bool:
    """Whether a process left a log behind. SQLite uses of it what comes before the first damage, and says nothing."""
    log = file.with_name(f"{file.name}-wal")
    return file.is_file() and log.is_file() and log.stat().st_size > 0


def _read(file: Path, found: salvage.Found) -> tuple[Store, list[Row]]:
    store = Store(file)
    try:
        tasks = {task.id for task in store.tasks()}
        rows = list(store.rows())
        if any(row.task not in tasks for row in rows):
            raise Damaged("it has events of a task that it does not have")
        if len(rows) < len(found.rows) or found.lost:
            raise Damaged(f"its log, at event {len(found.rows) + 1}")
        return store, rows
    except BaseException:
        store.close()
        raise
