"""The journals of a strategy, one in each work directory: opened with the first task of a run, closed with the last.

An unfinished run of the same workload on the same target is continued; a finished one is not. Without a journal (no
directory, a disk that is full or read-only) tuning goes on, and that is said in one line.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.opening import Open, opened
from tvm_litecoop.journal.store import ENDED, NOTES, POOL, Damaged, Newer, Task
from tvm_litecoop.models.replies import Reply

logger = logging.getLogger(__name__)

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

    def begin_run(self) -> None:
        """Another run begins: a directory in which there could be no journal is tried again."""
        self._without.clear()

    def left_open(self, beside: Path | None, database: Any) -> Path | None:
        """The journal that a run left open which was ended by an exception, or Ctrl-C in a notebook; None for none.

        TVM opens a database for each run, and begins all tasks of a run before it uses one.

        Args:
            beside: Directory of the database; None where it has none.
            database: That of the task that is about to begin.
        """
        folder = self._folder or beside
        place = folder.resolve() if folder is not None else None
        present = self._opened.get(place) if place is not None else None
        if present is None:
            return None
        others = present.database is not None and database is not None and present.database != database
        return place if others or any(book.used for book in present.books) else None

    def let_go(self, place: Path) -> None:
        """Close the journal of a directory; its lock is free again."""
        self._opened.pop(place).close()

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
            if place in self._opened and not self._opened[place].books:
                self.let_go(place)
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
                self.let_go(place)

    def dropped(self, book: Book) -> None:
        """A task could not begin: what is known of it stays as it is."""
        if place := self._place_of(book):
            one = self._opened[place]
            one.books.remove(book)
            one.taken.discard(book.task)
            if not one.books:
                self.let_go(place)

    def finish(self) -> None:
        """The runs are finished, with all their tasks."""
        for one in self._opened.values():
            one.finish()

    def close(self) -> None:
        """Let go of files and locks; a task that did not end is gone on with by the next run."""
        for place in list(self._opened):
            self.let_go(place)

    def _place_of(self, book: Book) -> Path | None:
        return next((place for place, one in self._opened.items() if book in one.books), None)

    def _book(self, opened: Open, subject: Subject) -> Book:
        before = _unfinished(opened, subject)
        if before is not None:
            opened.taken.add(before.id)
            book = _continued(opened, before, subject)
            if book is not None:
                opened.run = before.run
                return book
            others = [] if opened.run else opened.store.tasks()  # with this tree those of its run are left, too
            left = {one.id for one in others if one.run == before.run and opened.unfinished(one)}
            for number in sorted(left | {before.id}):
                opened.store.write(number, [(ENDED, "")])
        elif not opened.run and any(opened.unfinished(task) for task in opened.store.tasks()):
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


def _unfinished(opened: Open, subject: Subject) -> Task | None:
    """The task of the newest run with that workload and target, if that run is not finished."""
    tasks = opened.store.tasks()
    same = [task for task in tasks if task.identity == subject.identity and task.id not in opened.taken]
    same = [task for task in same if task.run == (opened.run or same[-1].run)]
    if not same or not any(opened.unfinished(task) for task in tasks if task.run == same[0].run):
        return None
    return next((task for task in same if not _changed(task, subject)), same[0])


def _changed(before: Task, subject: Subject) -> dict[str, str]:
    """The facts that were others then, as they were."""
    then = {name: before.facts.get(name, "unknown") for name in subject.facts}
    return {name: value for name, value in then.items() if value != subject.facts[name]}


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
    pools = [before.facts.get("pool"), *(body for kind, body in opened.events.get(before.id, ()) if kind == POOL)]
    if pools[-1] != subject.pool:
        logger.warning("the pool or its budget has changed since the unfinished run: its tree is gone on with")
        book.changed(subject.pool)
    return book
