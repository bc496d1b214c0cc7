"""The thread that calls a kernel, kept off the cores of TVM's other threads while the kernel is timed. Owns `apart`.

TVM's thread pool binds every worker to a core of its own, but lets the calling thread, which does its share of the
work, run on any (`threading_backend.cc`, `SetMasterThreadFullCpuAffinity`). Where the system has it on a worker's core
when a kernel begins, both share that core until the scheduler moves one: for up to a quarter of a second, in which a
kernel on two cores takes 2.4 times as long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tvm

TASKS = Path("/proc/self/task")


@contextmanager
def apart() -> Iterator[None]:
    """Within it, the calling thread runs on cores that no other thread of this process is bound to, if there are any.

    It goes where it likes again afterwards, and so do threads that other libraries start then. Linux alone; elsewhere
    it does nothing.
    """
    if not TASKS.exists():
        yield
        return
    tvm.runtime.num_threads()  # makes the pool, which the kernel would else make, and let this thread go anywhere again
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, allowed - bound() or allowed)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def bound() -> set[int]:
    """The cores that a thread of this process is bound to, one thread to one core."""
    found: set[int] = set()
    for task in TASKS.iterdir():
        try:
            cores = os.sched_getaffinity(int(task.name))
        except ProcessLookupError:  # it has just ended
            continue
        if len(cores) == 1:
            found |= cores
    return found
