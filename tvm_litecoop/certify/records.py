"""What a MetaSchedule JSON database holds. Reads it line by line, so that one broken line costs that line alone."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tvm_litecoop.errors import WorkDirError

WORKLOADS, RECORDS = "database_workload.json", "database_tuning_record.json"
FAILED_S = 1e9
"""TVM records a candidate that failed with a run time above this."""


@dataclass(frozen=True)
class Record:
    """One measured candidate.

    Attributes:
        line: Its line in the file, from 1; 0 for one that was set aside.
        text: That line.
        seconds: Mean seconds per run, as recorded.
    """

    line: int
    text: str
    seconds: float

    @property
    def digest(self) -> str:
        """Says whether two lines are the same record."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Task:
    """One workload on one target.

    Attributes:
        number: From 1, in the order of the first record.
        workload: The workload's line.
        target: The target as JSON.
        arguments: `["TENSOR", dtype, shape]` of each argument.
        records: Those that have a time, fastest first.
        elsewhere: Those of the same workload for other targets, fastest first.
    """

    number: int
    workload: str
    target: str
    arguments: Sequence[Any]
    records: tuple[Record, ...]
    elsewhere: tuple[Record, ...] = ()

    @property
    def hash(self) -> str:
        """TVM's structural hash of the workload."""
        return str(json.loads(self.workload)[0])

    @property
    def title(self) -> str:
        """The shapes of the arguments, for a person."""
        return " ".join("x".join(map(str, shape)) or "scalar" for _, _, shape in self.arguments)

    @property
    def kind(self) -> str:
        """The kind of the target, `llvm` for a CPU."""
        target = json.loads(self.target)
        return str(target["kind"]) if isinstance(target, dict) else str(target).split()[0]


@dataclass(frozen=True)
class Contents:
    """What a work directory holds.

    Attributes:
        tasks: Those that have records.
        broken: Lines of the record file, from 1, that cannot be read.
        workloads: By TVM's structural hash, the lines of the workload file.
    """

    tasks: tuple[Task, ...]
    broken: tuple[int, ...]
    workloads: Mapping[str, str]


def read(directory: str, *, empty: bool = False) -> Contents:
    """The database of a work directory.

    Args:
        directory: The work directory.
        empty: One without a record that has a time will do.

    Raises:
        WorkDirError: There is none, it is not one, or it holds no record with a time.
    """
    workloads, records = (_lines(Path(directory), name) for name in (WORKLOADS, RECORDS))
    hashes = [_hash(text) for text in workloads]
    found: dict[tuple[int, str], list[Record]] = {}
    arguments: dict[tuple[int, str], Any] = {}
    broken, failed = [], 0
    for line, text in enumerate(records, 1):
        if not text.strip():
            continue
        try:
            index, (_, run_secs, target, args) = json.loads(text)
            if index < 0 or hashes[index] is None:
                raise ValueError(index)
            seconds = math.fsum(run_secs) / len(run_secs) if run_secs else math.inf
            key = index, json.dumps(target, sort_keys=True)
            arguments.setdefault(key, [(str(kind), str(dtype), _extents(shape)) for kind, dtype, shape in args or ()])
        except (ArithmeticError, ValueError, TypeError, IndexError):
            broken.append(line)
            continue
        if 0.0 < seconds < FAILED_S:
            found.setdefault(key, []).append(Record(line, text, seconds))
        failed += seconds >= FAILED_S
    if not found and not empty:
        torn = hashes.count(None)
        lines = f"{torn} lines of {WORKLOADS}" if torn else f"{len(broken)} lines of {RECORDS}" if broken else ""
        raise _nothing(directory, lines, failed)
    tasks = []
    for number, (key, rows) in enumerate(found.items(), 1):
        others = [row for other, theirs in found.items() if other[0] == key[0] and other != key for row in theirs]
        tasks.append(Task(number, workloads[key[0]], key[1], arguments[key], _ranked(rows), _ranked(others)))
    known = {number: text for number, text in zip(hashes, workloads, strict=True) if number is not None}
    return Contents(tuple(tasks), tuple(broken), known)


def _extents(shape: Any) -> list[int]:
    """A shape, which is shown, and written into the file of `eject`."""
    if not isinstance(shape, list) or not all(type(extent) is int for extent in shape):
        raise TypeError("no shape")
    return shape


def _ranked(rows: Sequence[Record]) -> tuple[Record, ...]:
    return tuple(sorted(rows, key=lambda row: row.seconds))


def _hash(text: str) -> str | None:
    """The hash of one of TVM's workloads, which is a hash and a module; None for a line that can be none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return str(found[0]) if isinstance(found, list) and len(found) == 2 else None


def _nothing(directory: str, broken: str, failed: int) -> WorkDirError:
    why = f": {broken} are not TVM's" if broken else f": {failed} candidates failed" if failed else ""
    return WorkDirError(
        f"{directory!r} holds no record that can be used{why}",
        "give a work dir that TVM has tuned in, or tune first: litecoop tune WORKLOAD --work-dir DIR",
    )


def _lines(directory: Path, name: str) -> list[str]:
    hint = "give the work dir of a tuning run, which holds " + f"{WORKLOADS} and {RECORDS}"
    try:
        return (directory / name).read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise WorkDirError(f"{directory / name} is not a database of TVM", hint) from None
    except OSError as error:
        raise WorkDirError(f"{directory / name}: {error.strerror}", hint) from None
