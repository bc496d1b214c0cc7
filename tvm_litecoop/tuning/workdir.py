"""The directory of a run: that it can be written, TVM's database in it, and earlier runs kept aside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tvm_litecoop.certify.store import FILE as CERTIFICATE
from tvm_litecoop.errors import WorkDirError, last_line
from tvm_litecoop.journal.aside import set_aside
from tvm_litecoop.journal.lock import Lock
from tvm_litecoop.journal.store import FILE
from tvm_litecoop.tuning import mend
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.tvm_bridge.records import REJECTED, mean_seconds


def open_database(directory: str, *, fresh: bool) -> Any:
    """TVM's JSON database in a directory, made where there is none. Lines that are broken are taken out and kept.

    Args:
        directory: Created with its parents.
        fresh: Start with an empty database and journal, and no certificate; files of an earlier run are renamed to
            `*.1`, those of the one after to `*.2`, ...

    Raises:
        WorkDirError: The directory cannot be written, or its database cannot be read.
    """
    path = Path(directory)
    with _written(directory):
        path.mkdir(parents=True, exist_ok=True)
        if fresh:
            set_aside(*(path / name for name in (*mend.FILES, FILE, CERTIFICATE, REJECTED)))
    try:
        return mend.open_database(path)
    except OSError as error:
        raise WorkDirError(
            f"the database in {directory!r} cannot be read or mended: {error.strerror}",
            "make room there, and its files readable and writable",
        ) from None
    except (RuntimeError, ValueError, TypeError) as error:
        raise WorkDirError(
            f"the database in {directory!r} cannot be read: {last_line(error)}",
            "start over with --fresh (the old files are kept), or choose another --work-dir",
        ) from None


@contextmanager
def locked(directory: str) -> Iterator[None]:
    """Work alone in a directory, which is made where there is none. The same process may lock it again.

    Raises:
        WorkDirError: Another process works there, or nobody can.
    """
    path = Path(directory)
    with _written(directory):
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
        lock = Lock(path)
    with lock:
        yield


@contextmanager
def all_locked(requests: Sequence[Request]) -> Iterator[None]:
    """Work alone in the directories of several runs, so that none of them fails after the others.

    Raises:
        WorkDirError: As `locked`.
    """
    with ExitStack() as stack:
        for request in requests:
            stack.enter_context(locked(request.directory))
        yield


@contextmanager
def _written(directory: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkDirError(
            f"work dir {directory!r} cannot be written: {error.strerror}", "choose another one with --work-dir"
        ) from None


def known(database: Any, mod: Any, target: Any) -> tuple[int, float | None]:
    """Records that a database holds of a workload on a target, and the seconds of the fastest; None for none."""
    if not database.has_workload(mod):
        return 0, None
    records = database.get_top_k(database.commit_workload(mod), 1_000_000)
    times = [mean_seconds(record.run_secs) for record in records if str(record.target) == str(target)]
    return len(times), min((seconds for seconds in times if seconds is not None), default=None)
