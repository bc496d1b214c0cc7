"""Test helpers are imported by name: `from toy import ...`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tvm_litecoop import cores
from tvm_litecoop.tuning.threads import use_physical_cores

sys.path.insert(0, str(Path(__file__).parent))

ALL_CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()

# Workers of pytest-xdist keep to cores of their own: TVM's threads spin while they wait for one that was put aside.
if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and hasattr(os, "sched_setaffinity"):
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    share = sorted(ALL_CORES)[int(worker.removeprefix("gw")) % count :: count]
    os.sched_setaffinity(0, share or ALL_CORES)
    os.environ.pop("TVM_NUM_THREADS", None)  # of the process that started them, which has all cores
use_physical_cores()  # before TVM is imported anywhere

# What an example takes says how fast the machine is.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# A shell starts background jobs with Ctrl-C ignored, and so would be every process a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def whole_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The processes that a test starts have all cores."""
    if not ALL_CORES:  # a system that gives every process all of them
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ALL_CORES)
    monkeypatch.setenv("TVM_NUM_THREADS", str(cores.physical()))
    monkeypatch.delenv("TVM_BIND_THREADS", raising=False)
    yield
    os.sched_setaffinity(0, own)
