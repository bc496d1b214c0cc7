"""The tasks of a work directory by the numbers that its certificate gives them.

A task may have no record any more, because `litecoop verify --set-aside` has moved them all: then its untuned program
is certified, and the others keep their numbers.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from tvm_litecoop.certify import records, store
from tvm_litecoop.certify.records import Task


def tasks(directory: str) -> tuple[Task, ...]:
    """All tasks, in the order of their numbers; those that are not certified yet have the numbers that are free.

    Raises:
        WorkDirError: There is no database, nothing in it can be used, or the certificate is none.
    """
    certified = store.tasks(directory) or []
    contents = records.read(directory, empty=bool(certified))
    left = {(task.hash, task.target): task for task in contents.tasks}
    found: dict[int, Task] = {}
    for entry in certified:
        number, (workload, target) = int(entry["task"]), store.key(entry)
        task = left.pop((workload, target), None)
        if task is None and workload in contents.workloads:
            task = Task(number, contents.workloads[workload], target, entry.get("arguments", ()), ())
        if task is not None:
            found[number] = replace(task, number=number)
    free = itertools.count(1)
    for task in left.values():
        number = next(one for one in free if one not in found)
        found[number] = replace(task, number=number)
    return tuple(found[number] for number in sorted(found))
