"""How many cores this process may use: `taskset`, a cpuset or a quota of time (`docker run --cpus`) leaves it some."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OWN_GROUP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")
"""Linux's control groups; in a container usually its own alone."""
PROCESSORS = Path("/sys/devices/system/cpu")
"""What Linux tells of each logical core."""


def usable() -> int:
    """Logical cores, at least 1. A quota of 2.5 cores are 2: a third thread would be stopped most of the time."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1
    return max(1, math.floor(min([allowed, *_quotas()])))


def physical() -> int:
    """Physical cores that this process may use, at least 1; the usable ones where the system does not tell.

    Two threads of one core, as a batch system may give to a job, are one.
    """
    import psutil

    return min(_apart() or psutil.cpu_count(logical=False) or usable(), usable())


def confined() -> bool:
    """Whether this process may run on some of the machine's cores alone."""
    import psutil

    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < (psutil.cpu_count() or 1)


def _apart() -> int:
    """Physical cores among the logical ones that this process may run on; 0 where Linux does not tell."""
    with suppress(AttributeError, OSError):
        names = (PROCESSORS / f"cpu{one}" / "topology" / "thread_siblings_list" for one in os.sched_getaffinity(0))
        return len({name.read_text() for name in names})
    return 0


def _quotas() -> Iterator[float]:
    """What each control group around this process allows of processor time, in cores."""
    with suppress(OSError, ValueError):
        own = [line[3:] for line in OWN_GROUP.read_text().splitlines() if line.startswith("0::")]
        group = GROUPS / "".join(own).strip("/")
        for folder in (group, *group.parents):  # version 2: "max 100000" or microseconds in each of so many
            with suppress(OSError, ValueError):
                quota, period = map(int, (folder / "cpu.max").read_text().split())
                yield quota / period
    with suppress(OSError, ValueError):  # version 1: -1 for none
        quota, period = (int((GROUPS / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        if quota > 0:
            yield quota / period
