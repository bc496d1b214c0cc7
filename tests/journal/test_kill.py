"""A real `litecoop tune` killed with SIGKILL and resumed; and a key that is found nowhere in a work dir."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from litecoop_bench import kills
from models.loopback import Loopback, answer, fails, says
from tvm_litecoop.journal.record import read
from tvm_litecoop.search.events import Asked, GaveUp

KEY, KEY_ENV = "sk-planted-0815-4711", "LITECOOP_TEST_KEY_77AB"


def test_killed_at_three_moments_and_resumed(tmp_path: Path) -> None:
    args = argparse.Namespace(workload="matmul:32x32x32", trials=12)
    _, whole_s = kills._tune(args, tmp_path / "whole", None)
    rng, killed = random.Random(2), 0
    for number in range(9):
        if number >= 3 and killed:
            break  # a machine that has become faster may be done before
        work = tmp_path / str(number)
        killed += kills._tune(args, work, rng.uniform(0.2, 0.8) * whole_s)[0]
        if not kills._finished(work):
            kills._tune(args, work, None)
        found = kills.check(work, 12)
        assert all(found.values()), found
    assert killed >= 1


def pool_file(folder: Path, url: str, more: str = "") -> Path:
    pool = folder / "pool.toml"
    pool.write_text(
        '[[member]]\nname = "expert"\nprovider = "expert"\n\n[[member]]\nname = "remote"\nprovider = "openai"\n'
        f'base_url = "{url}"\nparams = 1e9\napi_key_env = "{KEY_ENV}"\n{more}'
    )
    return pool


def tune(work: Path, pool: Path, trials: int) -> list[str]:
    command = [sys.executable, "-m", "tvm_litecoop.cli", "tune", "matmul:32x32x32", "--trials", str(trials)]
    return [*command, "--work-dir", str(work), "--pool", str(pool), "--setting", "round-robin"]


def test_a_key_is_found_nowhere_in_the_work_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is rude: it says the key, in faults and in answers alike."""
    monkeypatch.setenv(KEY_ENV, KEY)
    with Loopback(fails(400, KEY), says(answer(["unroll=64"], reason=KEY))) as server:
        work = tmp_path / "work"
        command = tune(work, pool_file(tmp_path, server.url), 12)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert any(KEY in asked.headers.get("authorization", "") for asked in server.asked)
    assert read(work)[0].events
    for file in work.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
    assert KEY not in done.stdout + done.stderr


def test_a_budget_is_not_passed_by_a_run_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    with Loopback(says("{}", after_s=0.2), says("{}", after_s=60.0)) as server:
        work, pool = tmp_path / "work", pool_file(tmp_path, server.url, "[budget]\ncalls = 4\n")
        with subprocess.Popen(tune(work, pool, 200), stdout=subprocess.DEVNULL) as running:
            deadline = time.monotonic() + 600
            while len(server.asked) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            running.kill()
        before = len(server.asked)
        assert before >= 2
        server._deeds = (says("{}"),)
        done = subprocess.run(tune(work, pool, 24), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert before <= len(server.asked) <= 4
    events = read(work)[0].events
    assert sum(isinstance(event, Asked) and event.estimate is not None for event in events) == 4
    assert sum(isinstance(event, GaveUp) for event in events) >= before - 1
