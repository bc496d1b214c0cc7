"""How many cores a process may use."""

from __future__ import annotations

import os

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


def test_a_system_that_tells_nothing_has_the_cores_that_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: None)
    assert cores.physical() == cores.usable() >= 1
