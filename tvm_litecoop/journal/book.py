"""The journal of one task: its events so far, and where new ones are kept."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from tvm_litecoop.journal.codec import Codec
from tvm_litecoop.journal.store import ENDED, POOL, Store
from tvm_litecoop.models.base import Usage
from tvm_litecoop.search.events import Answered, Asked, Chosen, Event, Expanded, HandedOver

logger = logging.getLogger(__name__)

BEGINNINGS = ("asked", "handedover")
"""Kinds of events after which a step is not over."""


class Book:
    """Where the events of a task are kept; without a store they are not.

    What was paid for and what was measured is on disk when `keep` is back; free steps wait for the next of those, since
    making them again gives the same.

    Args:
        store: The open journal; None to keep nothing.
        task: Its number there.
        seed: Of the search.
        past: Events of the task so far, as rows of kind and body.

    Attributes:
        past: The same as events.
        used: Whether programs were chosen to be measured since the task began or went on.

    Raises:
        ValueError: A row is no event.
    """

    def __init__(
        self, store: Store | None = None, task: int = 0, seed: int = 0, past: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._store, self.task = store, task
        self.used = False
        self._codec = Codec()
        self._unwritten: list[tuple[str, str]] = []
        self._failing = False
        self.seed = seed
        self.past: list[Event] = [self._codec.decode(kind, body) for kind, body in past]

    @property
    def name(self) -> str:
        """Tells this task from all others; empty where nothing is kept."""
        return f"{self._store.file.resolve()}, {self.task}" if self._store is not None else ""

    def keep(self, event: Event) -> None:
        """An event has happened."""
        self.used = self.used or isinstance(event, Chosen)
        if self._store is None:
            return
        self._unwritten.append(self._codec.encode(event))
        if not _can_wait(event):
            self._write()

    def write_out(self) -> None:
        """Free steps are written too: what comes next does not follow from them alone."""
        if self._store is not None and self._unwritten:
            self._write()

    def let_go(self) -> None:
        """The journal is closed: what happens from now on is not kept. A free step that is not over is made again."""
        while self._unwritten and self._unwritten[-1][0] in BEGINNINGS:
            self._unwritten.pop()
        self.write_out()
        self._store = None

    def changed(self, pool: str) -> None:
        """The task is gone on with by another pool, or with another budget."""
        if self._store is not None:
            self._unwritten.append((POOL, pool))
            self._write()

    def end(self) -> None:
        """The task is finished: a later run starts a new tree."""
        if self._store is not None:
            self._unwritten.append((ENDED, ""))
            self._write()

    def _write(self) -> None:
        """What cannot be written now is written with what comes next; that is said once."""
        assert self._store is not None
        try:
            self._store.write(self.task, self._unwritten)
        except sqlite3.Error as error:
            if not self._failing:
                logger.warning("%s cannot be written: %s; tuning goes on without it", self._store.file, error)
                self._store.wait_no_more()
            self._failing = True
            return
        self._unwritten = []
        if self._failing:
            logger.warning("%s can be written again; nothing is missing in it", self._store.file)
        self._failing = False


def _can_wait(event: Event) -> bool:
    match event:
        case Asked():
            return event.estimate is None
        case Answered():
            return event.answer.usage == Usage() and event.answer.fault is None
        case Expanded() | HandedOver():
            return True
    return False
