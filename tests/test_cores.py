"""How many cores a process may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tvm_litecoop import cores


def test_a_process_with_one_core_counts_one() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert cores.usable() == cores.physical() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert 1 <= cores.physical() <= cores.usable() == len(allowed)


CONFINED = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
from tvm_litecoop.tuning.threads import use_physical_cores
threads = use_physical_cores()
import tvm
tvm.runtime.num_threads()  # makes the pool, which binds this thread where it may
print(threads, os.sched_getaffinity(0))
"""


@pytest.mark.usefixtures("whole_machine")
def test_tvm_stays_on_the_core_that_a_process_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TVM_NUM_THREADS")
    last = max(os.sched_getaffinity(0))
    if not last:
        pytest.skip("the only core is where TVM goes")
    command = [sys.executable, "-c", CONFINED, str(last)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"1 {{{last}}}\n"


def test_a_system_that_tells_nothing_has_the_cores_that_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: None)
    monkeypatch.setattr(cores, "PROCESSORS", tmp_path)
    assert cores.physical() == cores.usable() >= 1


@pytest.mark.parametrize(
    ("files", "cores_left"),
    [
        ({"cpu.max": "max 100000\n"}, 8),  # a container without a quota
        ({"cpu.max": "250000 100000\n"}, 2),  # docker run --cpus 2.5
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "400000 100000\n", "a.slice/b.scope/cpu.max": "max 100000\n"}, 4),
        ({"a.slice/cpu.max": "300000 100000\n", "a.slice/b.scope/cpu.max": "600000 100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),  # version 1
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu.max": "half of it\n"}, 8),
        ({}, 8),
    ],
)
def test_a_quota_of_time_counts_as_whole_cores(
    files: dict[str, str], cores_left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text)
    (tmp_path / "own").write_text("3:cpuset:/\n0::/a.slice/b.scope\n")
    monkeypatch.setattr(cores, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(cores, "PROCESSORS", tmp_path / "none")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: 8 if logical else 4)
    assert cores.usable() == cores_left
    assert cores.physical() == min(4, cores_left)


@pytest.mark.parametrize(("allowed", "physical"), [({0, 1, 4, 5}, 2), ({0, 1, 2, 3}, 4), ({2, 6}, 1)])
def test_two_threads_of_one_core_are_one(
    allowed: set[int], physical: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four cores of two threads, some of which a job was given."""
    for one in range(8):
        folder = tmp_path / f"cpu{one}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{one % 4},{one % 4 + 4}\n")
    monkeypatch.setattr(cores, "PROCESSORS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: 8 if logical else 4)
    monkeypatch.setattr(cores, "_quotas", lambda: iter(()))
    assert cores.physical() == physical
