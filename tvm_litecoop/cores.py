"""How many cores this process may use: a cpuset, as of a container, or `taskset` leaves it some.

A quota of time (`docker run --cpus`) is not looked at.
"""

from __future__ import annotations

import os


def usable() -> int:
    """Logical cores, at least 1."""
    import psutil

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1


def physical() -> int:
    """Physical cores, at least 1 and not more than the usable ones; these where the system does not tell."""
    import psutil

    return min(psutil.cpu_count(logical=False) or usable(), usable())
