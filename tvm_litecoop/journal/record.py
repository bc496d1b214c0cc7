"""What a journal holds of the tasks of a run, read without being written to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.store import ENDED, FILE, NOTES, POOL, Damaged, Newer, Row, Store, Task
from tvm_litecoop.search.events import Event


@dataclass(frozen=True)
class Record:
    """One task.

    Attributes:
        identity: Its workload and target.
        events: All that happened.
        config: Settings of its search.
        seed: Of its search.
        params: Parameter count of each member that was in its pool.
        ended: Whether it was finished.
        facts: All that it hangs on, as the journal has it; of several pools the last.
    """

    identity: str
    events: list[Event]
    config: SearchConfig
    seed: int
    params: dict[str, float]
    ended: bool
    facts: dict[str, str]


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        number: From 1, as the journal counts.
        begun: When each run in the journal began, in seconds since 1970; 0 where that was lost.
        records: Its tasks.
    """

    number: int
    begun: dict[int, float]
    records: list[Record]


def read(folder: Path) -> list[Record]:
    """The tasks of the newest run in a work directory.

    Raises:
        WorkDirError: There is no journal, or one that cannot be read.
    """
    return read_run(folder).records


def read_run(folder: Path, number: int = 0) -> Run:
    """A run in a work directory, which may be going on.

    Args:
        folder: The work directory.
        number: Of the run; 0 for the newest.

    Raises:
        WorkDirError: There is no journal, one that cannot be read, or no such run.
    """
    file = folder / FILE
    if not file.exists():
        raise WorkDirError(f"no journal in {str(folder)!r}", "name the work dir of a `litecoop tune`")
    try:
        store = Store(file, read_only=True)
        try:
            tasks, rows, begun = store.tasks(), list(store.rows()), store.begun()
        finally:
            store.close()
        wanted = number or max((task.run for task in tasks), default=0)
        records = [_record(task, rows) for task in tasks if task.run == wanted]
    except Newer as error:
        raise WorkDirError(f"{file} cannot be read: {error}", "update litecoop") from None
    except (Damaged, sqlite3.Error, KeyError, ValueError, TypeError) as error:
        hint = "`litecoop tune` in that work dir sets a damaged one aside and goes on with what is good"
        raise WorkDirError(f"{file} cannot be read: {error}", hint) from None
    if not records:
        known = f"it has runs {', '.join(map(str, begun))}" if begun else "tune in that work dir first"
        raise WorkDirError(f"{file} has no run{f' {number}' if number else ''}", known)
    return Run(wanted, begun, records)


def _record(task: Task, rows: Sequence[Row]) -> Record:
    mine = [(row.kind, row.body) for row in rows if row.task == task.id]
    events = Book(past=[(kind, body) for kind, body in mine if kind not in NOTES]).past
    ended = any(kind == ENDED for kind, _ in mine)
    config = SearchConfig(**json.loads(task.facts["settings"]))
    pools = [task.facts["pool"], *(body for kind, body in mine if kind == POOL)]
    params = {name: size for pool in pools for name, size in json.loads(pool)["members"].items()}
    facts = {**task.facts, "pool": pools[-1]}
    return Record(task.identity, events, config, int(task.facts["seed"]), params, ended, facts)
