"""The journal of a work directory: opened with the first task of a run, closed with the last one.

An unfinished run of the same workload on the same target is continued; a finished one is not. Without a journal (no
directory, a disk that is full or read-only) tuning goes on, and that is said in one line.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tvm_litecoop.journal import salvage
from tvm_litecoop.journal.aside import COMPANIONS, set_aside
from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.lock import Lock
from tvm_litecoop.journal.store import ENDED, NOTES, Damaged, Newer, Row, Store, Task
from tvm_litecoop.models.replies import Reply

logger = logging.getLogger(__name__)

FILE = "litecoop.sqlite"
SHORT = 24
"""Characters of a fact that is shown."""


@dataclass(frozen=True)
class Subject:
    """What a task is.

    Attributes:
        identity: Its workload and target.
        facts: What a tree hangs on, in words; where one of them changed the tree is not used again.
        pool: What may change under a tree: members, budget.
        seed: Of a new tree; a continued one keeps its own.
    """

    identity: str
    facts: Mapping[str, str]
    pool: str
    seed: int


@dataclass
class Open:
    """An open journal and the run that is written to it."""

    store: Store
    lock: Lock
    events: dict[int, list[tuple[str, str]]]
    run: int = 0
    taken: set[int] = field(default_factory=set)


class Journal:
    """The journal, opened when it is needed.

    Args:
        folder: Its directory; None for the one of the database, where that has one.
        on: Whether there is to be one.
    """

    def __init__(self, folder: str | Path | None = None, *, on: bool = True) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._open: Open | None = None
        self._off = not on
        self._books: list[Book] = []

    def begin(self, subject: Subject, beside: Path | None) -> Book:
        """A task begins, or goes on.

        Args:
            subject: What it is.
            beside: Directory of the database; None where it has none.

        Raises:
            WorkDirError: Another process works in that directory.
        """
        folder = self._folder or beside
        if folder is None or self._off:
            return Book(seed=subject.seed)
        try:
            if self._open is None:
                self._open = opened(folder)
            book = self._book(self._open, subject)
        except (OSError, sqlite3.Error, Damaged, Newer) as error:
            logger.warning("no journal in %s: %s; tuning goes on without it", folder, error)
            self._off = True
            return Book(seed=subject.seed)
        self._books.append(book)
        return book

    def ended(self, book: Book) -> None:
        """A task is finished; with the last one the run is."""
        if not book.kept:
            return
        book.end()
        self._books.remove(book)
        if not self._books:
            self.finish()
            self.close()

    def finish(self) -> None:
        """The run is finished: all its tasks are, also those that an earlier process began and this one has not."""
        opened, left = self._open, list[int]()
        if opened is None:
            return
        try:
            left = [task.id for task in opened.store.tasks() if task.run == opened.run and _is_unfinished(opened, task)]
        except (sqlite3.Error, Damaged) as error:
            logger.warning("the journal cannot be read: %s; the next run uses what is good of it", error)
        for book in [*self._books, *(Book(opened.store, task) for task in left if task not in opened.taken)]:
            book.end()

    def close(self) -> None:
        """Let go of the file and the lock; a task that did not end is gone on with by the next run."""
        opened, self._open, self._books = self._open, None, []
        if opened is not None:
            opened.store.close()
            opened.lock.release()

    def _book(self, opened: Open, subject: Subject) -> Book:
        before = _unfinished(opened, subject)
        if before is not None:
            opened.taken.add(before.id)
            book = _continued(opened, before, subject)
            if book is not None:
                opened.run = before.run
                return book
            opened.store.write(before.id, [(ENDED, "")])
        elif not opened.run and any(_is_unfinished(opened, task) for task in opened.store.tasks()):
            logger.warning("an unfinished run here is of another workload or target: it is kept and not continued")
        if not opened.run:
            opened.run = opened.store.add_run({})
        facts = {**subject.facts, "pool": subject.pool, "seed": str(subject.seed)}
        task = opened.store.add_task(opened.run, subject.identity, facts)
        opened.taken.add(task)
        return Book(opened.store, task, subject.seed)

    # ---- answers by question -----------------------------------------------------------------------------------------

    def known(self, key: str) -> Reply | None:
        """What a model answered to that question; None where nothing is known."""
        opened = self._open  # of this moment: another thread may close it
        try:
            found = opened.store.call(key) if opened is not None else None
        except sqlite3.Error:
            return None
        if found is None:
            return None
        texts, tokens_in, tokens_out, seconds = json.loads(found)
        return Reply(tuple(texts), tokens_in, tokens_out, seconds)

    def keep(self, key: str, member: str, reply: Reply) -> None:
        """A model has answered; one that cannot be kept is asked again one day."""
        answer = json.dumps([reply.texts, reply.tokens_in, reply.tokens_out, reply.seconds])
        opened = self._open  # as above
        try:
            if opened is not None:
                opened.store.keep_call(key, member, answer)
        except sqlite3.Error as error:
            logger.info("an answer of %s is not kept: %s", member, error)


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


def _mended(file: Path, found: salvage.Found) -> Path | None:
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
        aside = set_aside(file)
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
        store.tasks()
        rows = list(store.rows())
        if len(rows) < len(found.rows) or found.lost:
            raise Damaged(f"its log, at event {len(found.rows) + 1}")
        return store, rows
    except BaseException:
        store.close()
        raise


def _unfinished(opened: Open, subject: Subject) -> Task | None:
    """The task of the newest run with that workload and target, if that run is not finished."""
    tasks = opened.store.tasks()
    same = [task for task in tasks if task.identity == subject.identity and task.id not in opened.taken]
    same = [task for task in same if task.run == (opened.run or same[-1].run)]
    if not same or not any(_is_unfinished(opened, task) for task in tasks if task.run == same[0].run):
        return None
    return next((task for task in same if not _changed(task, subject)), same[0])


def _changed(before: Task, subject: Subject) -> dict[str, str]:
    """The facts that were others then, as they were."""
    then = {name: before.facts.get(name, "unknown") for name in subject.facts}
    return {name: value for name, value in then.items() if value != subject.facts[name]}


def _is_unfinished(opened: Open, task: Task) -> bool:
    return all(kind != ENDED for kind, _ in opened.events.get(task.id, ()))


def _continued(opened: Open, before: Task, subject: Subject) -> Book | None:
    """The book of an unfinished task; None where its tree cannot be used, which is said."""
    changed = [f"{name} ({then})" if len(then) < SHORT else name for name, then in _changed(before, subject).items()]
    past = [(kind, body) for kind, body in opened.events.get(before.id, ()) if kind not in NOTES]
    try:
        book = Book(opened.store, before.id, int(before.facts["seed"]), past)
    except (KeyError, ValueError) as error:
        changed.append(f"the journal, which this version cannot read ({error})")
    if changed:
        what = ", ".join(changed)
        logger.warning("changed since the unfinished run: %s; its records are used, its tree is not", what)
        return None
    if before.facts.get("pool") != subject.pool:
        logger.warning("the pool or its budget has changed since the unfinished run: its tree is gone on with")
    return book
