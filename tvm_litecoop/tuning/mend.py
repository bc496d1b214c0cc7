"""TVM's JSON database opened with care: one broken line makes TVM refuse all of it, so such lines are taken out.

A last line that was not written to its end is cut off; other lines that cannot be read go to a file beside. A record
names its workload by the number of a line, so taking out a workload renumbers the records after it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tvm.s_tir import meta_schedule as ms

from tvm_litecoop import atomic
from tvm_litecoop.certify.records import RECORDS, WORKLOADS

logger = logging.getLogger(__name__)

FILES = WORKLOADS, RECORDS
UNREADABLE = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
"""What TVM raises on a line that is none of its own."""


def open_database(folder: Path) -> Any:
    """The database of a directory, made where there is none.

    Raises:
        RuntimeError: TVM cannot read it even without the lines that it refuses one by one.
        OSError: The files cannot be read or written.
    """
    for name in FILES:
        _end_well(folder / name)
    if _in_form(folder):
        try:
            return ms.database.JSONDatabase(work_dir=str(folder))
        except UNREADABLE:
            pass
    _sift(folder)
    return ms.database.JSONDatabase(work_dir=str(folder))


def _in_form(folder: Path) -> bool:
    """Whether every line has the form that TVM takes for granted: it crashes on some that have not."""
    workloads = _lines(folder / WORKLOADS)
    return all(_read(line, _workload) for line in workloads) and all(
        0 <= _workload_of(line) < len(workloads) for line in _lines(folder / RECORDS)
    )


def _end_well(file: Path) -> None:
    """Cut off a last line that was not written to its end."""
    data = file.read_bytes() if file.exists() else b""
    if not data or data.endswith(b"\n"):
        return
    whole, _, torn = data.rpartition(b"\n")
    try:
        json.loads(torn)
        with file.open("ab") as stream:
            stream.write(b"\n")
    except ValueError:
        with file.open("r+b") as stream:
            stream.truncate(len(whole) + bool(whole))
        logger.warning("%s: the last line was not written to its end; cut off", file)


def _sift(folder: Path) -> None:
    """Take out every line that TVM cannot read."""
    workloads: list[tuple[bytes, Any]] = []
    numbers: dict[int, int] = {}
    for number, line in enumerate(_lines(folder / WORKLOADS)):
        workload = _read(line, ms.database.Workload.from_json) if _read(line, _workload) else None
        if workload is not None:
            numbers[number] = len(workloads)
            workloads.append((line, workload))
    records = []
    for line in _lines(folder / RECORDS):
        number = _workload_of(line)
        if number not in numbers:
            continue
        if _read(line, partial(_record, workload=workloads[numbers[number]][1])) is None:
            continue
        records.append((line, line if numbers[number] == number else _renumbered(line, numbers[number])))
    kept = {folder / WORKLOADS: [(line, line) for line, _ in workloads], folder / RECORDS: records}
    for file, lines in kept.items():
        _put_beside(file, {before for before, _ in lines})
    texts = {file: b"".join(line + b"\n" for _, line in lines) for file, lines in kept.items()}
    atomic.replace_all({file: text for file, text in texts.items() if file.exists() and text != file.read_bytes()})


def _lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines() if file.exists() else []


def _read(line: bytes, read: Callable[[Any], Any]) -> Any:
    """What TVM makes of a line; None where it cannot."""
    try:
        return read(json.loads(line))
    except UNREADABLE:
        return None


def _record(found: Any, workload: Any) -> Any:
    return ms.database.TuningRecord.from_json(found[1], workload)


def _workload(found: Any) -> bool:
    match found:
        case [str(), str()]:
            return True
    return False


def _workload_of(line: bytes) -> int:
    """The number of a record's workload; -1 where the line has not the form of a record."""
    return int(_read(line, _number) or 0) - 1


def _number(found: Any) -> int:
    """From 1 on; 0 for a line that is no record."""
    match found:
        case [int(number), [[list(insts), list(decisions)], times, target, args]] if number >= 0:
            timed = isinstance(times, list | None) and all(isinstance(one, int | float) for one in times or ())
            formed = timed and isinstance(target, dict | str | None) and isinstance(args, list | None)
            if formed and not _divides_by_zero(insts, decisions):
                return number + 1
    return 0


def _divides_by_zero(insts: list[Any], decisions: list[Any]) -> bool:
    """Whether TVM would divide by a factor of 0 of a trace, which ends the process."""
    factors = [decision[1] for decision in decisions if isinstance(decision, list) and len(decision) > 1]
    for inst in insts:
        match inst:
            case ["Split", list(inputs), *_]:
                factors.append(inputs)
            case ["PadEinsum" | "SamplePerfectTile" | "SamplePartitionedTile", _, list(attrs), *_]:
                factors += [attrs[:1], *(one for one in attrs if isinstance(one, list))]
    return any(0 in one for one in factors if isinstance(one, list))


def _renumbered(line: bytes, number: int) -> bytes:
    return json.dumps([number, json.loads(line)[1]], separators=(",", ":")).encode()


def _put_beside(file: Path, kept: set[bytes]) -> None:
    """Copy the lines of a file that are not kept to a file beside it."""
    broken = [line for line in _lines(file) if line not in kept]
    if broken:
        beside = file.with_name(f"{file.name}.broken")
        with beside.open("ab") as stream:
            stream.writelines(line + b"\n" for line in broken)
        logger.warning("%s: %d lines cannot be read; moved to %s", file, len(broken), beside)
