"""The journal's file: SQLite, a chain of checksums over the events, numbered migrations. Knows rows, no meaning.

Everything a process wrote before it died is there; what a disk or a person did to the file is found as it is read.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

FILE = "litecoop.sqlite"
APPLICATION = 0x4C434F00
"""Tells our files from other SQLite files: `LCO`, and the version in the last byte."""
PAGE = 512
"""Bytes of a page: small, so that the journal of a small run is small."""
PATIENCE_S = 2.0
"""Seconds to wait for another process that reads or writes the file."""

MIGRATIONS = (
    """
    CREATE TABLE runs (id INTEGER PRIMARY KEY, begun REAL, facts TEXT, sum INTEGER);
    CREATE TABLE tasks (id INTEGER PRIMARY KEY, run INTEGER, identity TEXT, facts TEXT, sum INTEGER);
    CREATE TABLE events (seq INTEGER PRIMARY KEY, task INTEGER, kind TEXT, body TEXT, sum INTEGER);
    CREATE TABLE calls (id INTEGER PRIMARY KEY, key TEXT UNIQUE, member TEXT, answer TEXT, sum INTEGER);
    """,
)
"""What makes version 1, 2, ... of the tables from the one before."""

ENDED = "ended"
"""The kind of the row that says that a task is finished."""
CERTIFIED = "certified"
"""The kind of a row with what the final check found."""
POOL = "pool"
"""Another pool, or another budget, from here on: that of a run which goes on with the task."""
NOTES = (ENDED, CERTIFIED, POOL)
"""Kinds that are no events of a search."""


class Damaged(Exception):
    """The file holds something that we did not write there."""


class Newer(Exception):
    """A later version of this package made the file."""


class Row(NamedTuple):
    """One event as it is stored."""

    seq: int
    task: int
    kind: str
    body: str


class Task(NamedTuple):
    """One task as it is stored: the run it belongs to, which workload on which target, and under what conditions."""

    id: int
    run: int
    identity: str
    facts: dict[str, str]


class Store:
    """An open file.

    Args:
        file: Made where there is none.
        read_only: Nothing is made or changed; a process that writes the file is not disturbed.

    Raises:
        Damaged: It is no journal, or one that cannot be read.
        Newer: It is of a later version.
        sqlite3.OperationalError: It cannot be written now.
    """

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        self.file = file
        self._lock = threading.RLock()
        place = _to_read(file) if read_only else str(file)
        self._db = sqlite3.connect(place, PATIENCE_S, isolation_level=None, check_same_thread=False, uri=read_only)
        try:
            with _honest():
                version = self._version()
                if read_only and not version:
                    raise Damaged("it is empty")
                if read_only:
                    self._db.execute("BEGIN")  # all that is read is of one moment
                else:
                    self._migrate(version)
                self._last, self._sum = self._end()
        except BaseException:
            self._db.close()
            raise

    def _version(self) -> int:
        """Of the tables; 0 where there are none yet."""
        one = self._one
        version, application = int(one("PRAGMA user_version")), one("PRAGMA application_id")
        new = not (version or application or one("SELECT count(*) FROM sqlite_master"))
        if not new and application != APPLICATION + version:
            raise Damaged("it is no journal of litecoop")
        if version > len(MIGRATIONS):
            raise Newer(f"it is of version {version}; this litecoop knows versions up to {len(MIGRATIONS)}")
        return version

    def _migrate(self, version: int) -> None:
        self._db.execute(f"PRAGMA page_size={PAGE}")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            marks = f"PRAGMA user_version={number}; PRAGMA application_id={APPLICATION + number};"
            self._db.executescript(f"BEGIN IMMEDIATE; {script} {marks} COMMIT;")

    def _one(self, query: str) -> Any:
        row = self._db.execute(query).fetchone()
        return row[0] if row else None

    def _end(self) -> tuple[int, int]:
        row = self._db.execute("SELECT seq, sum FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        if row is not None and not (isinstance(row[0], int) and isinstance(row[1], int)):
            raise Damaged("the last event has no number")
        return row or (0, 0)

    # ---- write -----------------------------------------------------------------------------------------------------

    def add_run(self, facts: dict[str, str]) -> int:
        """A run begins."""
        begun, text = time.time(), json.dumps(facts, sort_keys=True)
        return self._add("INSERT INTO runs (begun, facts, sum) VALUES (?, ?, ?)", begun, text, checksum(0, text))

    def add_task(self, run: int, identity: str, facts: dict[str, str]) -> int:
        """A task of a run begins."""
        text = json.dumps(facts, sort_keys=True)
        insert = "INSERT INTO tasks (run, identity, facts, sum) VALUES (?, ?, ?, ?)"
        return self._add(insert, run, identity, text, checksum(0, run, identity, text))

    def _add(self, insert: str, *values: object) -> int:
        with self._lock:
            return int(self._db.execute(insert, values).lastrowid or 0)

    def write(self, task: int, events: Sequence[tuple[str, str]]) -> None:
        """Add events (kind and body) in one transaction: all of them or none."""
        with self._lock:
            rows, last, chain = [], self._last, self._sum
            for kind, body in events:
                last, chain = last + 1, checksum(chain, last + 1, task, kind, body)
                rows.append((last, task, kind, body, chain))
            self._in_one("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
            self._last, self._sum = last, chain

    def keep_call(self, key: str, member: str, answer: str) -> None:
        """An answer that was paid for, under the hash of what was asked."""
        with self._lock:
            row = (key, member, answer, checksum(0, key, member, answer))
            self._in_one("INSERT OR REPLACE INTO calls (key, member, answer, sum) VALUES (?, ?, ?, ?)", [row])

    def copy(self, tasks: Sequence[Task], rows: Sequence[Row], calls: Mapping[str, tuple[str, str]]) -> None:
        """Take over what another file held, under the same numbers; this one is empty."""
        for run in sorted({task.run for task in tasks}):
            self._db.execute(
                "INSERT INTO runs (id, begun, facts, sum) VALUES (?, 0, '{}', ?)", (run, checksum(0, "{}"))
            )
        for number, run, identity, facts in tasks:
            text = json.dumps(facts, sort_keys=True)
            values = (number, run, identity, text, checksum(0, run, identity, text))
            self._db.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?)", values)
        for row in rows:
            self.write(row.task, [(row.kind, row.body)])
        for key, (member, answer) in calls.items():
            self.keep_call(key, member, answer)

    def _in_one(self, insert: str, rows: Sequence[Sequence[object]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(insert, rows)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # ---- read ------------------------------------------------------------------------------------------------------

    def call(self, key: str) -> str | None:
        """The answer that is known; None where none is, or what is there is not what was written."""
        with self._lock:
            row = self._db.execute("SELECT member, answer, sum FROM calls WHERE key = ?", (key,)).fetchone()
        return row[1] if row and row[2] == checksum(0, key, *row[:2]) else None

    def rows(self) -> Iterator[Row]:
        """Every event in order, checked.

        Raises:
            Damaged: At the first one that is not what was written, after all before it.
        """
        last, chain = 0, 0
        with _honest():
            for seq, task, kind, body, total in self._db.execute(
                "SELECT seq, task, kind, body, sum FROM events ORDER BY seq"
            ):
                chain = checksum(chain, seq, task, kind, body)
                if seq != last + 1 or chain != total:
                    raise Damaged(f"event {last + 1} is not what was written")
                last = seq
                yield Row(seq, task, kind, body)

    def tasks(self) -> list[Task]:
        """Every task, oldest first.

        Raises:
            Damaged: One is not what was written.
        """
        with _honest():
            found = self._db.execute("SELECT id, run, identity, facts, sum FROM tasks ORDER BY id").fetchall()
        for number, run, identity, facts, total in found:
            if total != checksum(0, run, identity, facts):
                raise Damaged(f"task {number} is not what was written")
        return [Task(number, run, identity, json.loads(facts)) for number, run, identity, facts, _ in found]

    def begun(self) -> dict[int, float]:
        """When each run began, by its number, in seconds since 1970; 0 where that was lost."""
        with _honest():
            return dict(self._db.execute("SELECT id, begun FROM runs ORDER BY id").fetchall())

    def wait_no_more(self) -> None:
        """Do not stand still for another process again."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA busy_timeout=0")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


def _to_read(file: Path) -> str:
    """The address of a file that is only read. Where no process has it open, SQLite need not put its own beside it."""
    log = file.with_name(f"{file.name}-wal")
    return f"{file.absolute().as_uri()}?{'mode=ro' if log.exists() else 'immutable=1'}"


def checksum(before: int, *values: object) -> int:
    """The checksum of some values, chained to the one before."""
    return zlib.crc32("\x1f".join(map(str, values)).encode("utf-8", "surrogatepass"), before)


@contextmanager
def _honest() -> Iterator[None]:
    """What SQLite says of a file that was damaged, in our words; what it says of one in use passes."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if any(word in str(error) for word in ("locked", "readonly", "unable to open", "full", "disk I/O", "busy")):
            raise
        raise Damaged(str(error)) from None
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from None
