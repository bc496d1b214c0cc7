"""The journals of a strategy, one in each work directory: opened with the first task of a run, closed with the last.

An unfinished run of the same workload on the same target is continued; a finished one is not. Without a journal (no
directory, a disk that is full or read-only) tuning goes on, and that is said in one line.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

    def finish(self) -> None:
        """The run is finished: all its tasks are, also those that an earlier process began and this one has not."""
        left: list[int] = []
        try:
            left = [task.id for task in self.store.tasks() if task.run == self.run and _is_unfinished(self, task)]
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


class Journal:
    """The journals, each opened when it is needed.

    Args:
        folder: The directory of all; None for that of the database of each task, where it has one.
        on: Whether there are to be any.
    """

    def __init__(self, folder: str | Path | None = None, *, on: bool = True) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._on = on
        self._opened: dict[Path, Open] = {}
        self._without: set[Path] = set()

    def leave_ended(self, beside: Path | None, database: Any) -> None:
        """Close what a run left open that was ended by an exception, or Ctrl-C in a notebook: another one begins.

        TVM opens a database for each run, and begins all tasks of a run before it uses one.

        Args:
            beside: Directory of the database; None where it has none.
            database: That of the task that is about to begin.
        """
        folder = self._folder or beside
        present = self._opened.get(folder.resolve()) if folder is not None else None
        if folder is None or present is None:
            return
        others = present.database is not None and database is not None and present.database != database
        if others or any(book.used for book in present.books):
            for book in present.books:
                book.leave()
            self._close(folder.resolve())

    def begin(self, subject: Subject, beside: Path | None, database: Any = None) -> Book:
        """A task begins, or goes on.

        Args:
            subject: What it is.
            beside: Directory of the database; None where it has none.
            database: It; tells runs apart.

        Raises:
            WorkDirError: Another process works in that directory.
        """
        folder = self._folder or beside
        if not self._on or folder is None or (place := folder.resolve()) in self._without:
            return Book(seed=subject.seed)
        try:
            if place not in self._opened:
                self._opened[place] = opened(folder)
                self._opened[place].database = database
            book = self._book(self._opened[place], subject)
        except (OSError, sqlite3.Error, Damaged, Newer) as error:
            logger.warning("no journal in %s: %s; tuning goes on without it", folder, error)
            self._without.add(place)
            return Book(seed=subject.seed)
        self._opened[place].books.append(book)
        return book

    def ended(self, book: Book) -> None:
        """A task is finished; with the last one the run is."""
        book.end()
        if place := self._place_of(book):
            one = self._opened[place]
            one.books.remove(book)
            if not one.books:
                one.finish()
                self._close(place)

    def dropped(self, book: Book) -> None:
        """A task could not begin: what is known of it stays as it is."""
        if place := self._place_of(book):
            one = self._opened[place]
            one.books.remove(book)
            one.taken.discard(book.task)
            if not one.books:
                self._close(place)

    def finish(self) -> None:
        """The runs are finished, with all their tasks."""
        for one in self._opened.values():
            one.finish()

    def close(self) -> None:
        """Let go of files and locks; a task that did not end is gone on with by the next run."""
        for place in list(self._opened):
            self._close(place)

    def _place_of(self, book: Book) -> Path | None:
        return next((place for place, one in self._opened.items() if book in one.books), None)

    def _close(self, place: Path) -> None:
        self._opened.pop(place).close()

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
        for one in list(self._opened.values()):  # of this moment: another thread may close them
            with suppress(sqlite3.Error):
                if (found := one.store.call(key)) is not None:
                    texts, tokens_in, tokens_out, seconds = json.loads(found)
                    return Reply(tuple(texts), tokens_in, tokens_out, seconds)
        return None

    def keep(self, key: str, member: str, reply: Reply) -> None:
        """A model has answered; one that cannot be kept is asked again one day."""
        answer = json.dumps([reply.texts, reply.tokens_in, reply.tokens_out, reply.seconds])
        for one in list(self._opened.values()):  # as above
            try:
                one.store.keep_call(key, member, answer)
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
