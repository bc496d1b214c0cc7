"""The database of a work directory, its tasks by the numbers that its certificate gives them.

A task may have no record any more, because `litecoop verify --set-aside` has moved them all: then its untuned program
is certified, and the others keep their numbers.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from tvm_litecoop.certify import records, store
from tvm_litecoop.certify.records import Contents, Task


def read(directory: str) -> Contents:
    """As `records.read`, with the tasks in the order of their numbers; those that are new have numbers that are free.

    Raises:
        WorkDirError: There is no database, nothing in it can be used, or the certificate is none.
    """
    certified = store.tasks(directory) or []
    contents = records.read(directory, empty=bool(certified))
    left = {(task.hash, task.target): task for task in contents.tasks}
    found: dict[int, Task] = {}
    for entry in certified:
        number, key = int(entry["task"]), store.key(entry)
        if number in found:  # of a version that numbered anew
            continue
        if key in left:
            found[number] = replace(left.pop(key), number=number)
        elif key[0] in contents.workloads and not entry["unchecked"] and entry["digest"] is None:
            found[number] = Task(number, contents.workloads[key[0]], key[1], entry.get("arguments", ()), ())
    free = itertools.count(1)
    for task in left.values():
        number = next(one for one in free if one not in found)
        found[number] = replace(task, number=number)
    return replace(contents, tasks=tuple(found[number] for number in sorted(found)))
