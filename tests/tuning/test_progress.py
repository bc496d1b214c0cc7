"""The display of a run: on a terminal, elsewhere, and what it says of the time left."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from tvm_litecoop.models.pool import Pool
from tvm_litecoop.tuning import dashboard
from tvm_litecoop.tuning.progress import Progress
from tvm_litecoop.tuning.status import Status, TaskStatus


def model() -> Status:
    tasks = [
        TaskStatus("conv", 2, 1000, untuned_s=4e-3, best_s=1e-3, trials=16),
        TaskStatus("dense", 1, 1000, untuned_s=2e-3, trials=8),
    ]
    pool = Pool.built_in("expert", "mutator")
    pool.stats["expert"].calls, pool.stats["expert"].hits = 7, 3
    return Status("litecoop on m.onnx", 48, 8, "work", tasks, pool)


def kernel() -> Status:
    return Status("litecoop on matmul", 64, 8, "work", [TaskStatus("matmul", flops=2_000_000, best_s=1e-3, trials=8)])


def shown(status: Status, *, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, height=40)
    with Progress(console) as display:
        display.started(status)
        display.measured(status)
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())  # without colours and cursor movements


def test_a_terminal_shows_tasks_members_and_totals() -> None:
    out = shown(model(), terminal=True)
    assert "litecoop on m.onnx: 24/48 trials, kernels of the model 4 ms" in out
    assert "conv" in out and "4.0x" in out and "dense" in out
    assert "expert" in out and "mutator" in out and "acting" in out
    out = shown(kernel(), terminal=True)
    assert "8/64 trials, best 1.0000 ms, 2.0 GFLOP/s" in out and "kernel  " not in out


def test_elsewhere_a_line_is_printed_for_each_batch() -> None:
    lines = shown(model(), terminal=False).splitlines()
    assert lines[0] == "litecoop on m.onnx: 48 trials in batches of 8, records go to work"
    assert lines[1].startswith("litecoop on m.onnx: 24/48 trials") and lines[1].endswith("s left") and len(lines) == 2


def test_time_left_counts_the_trials_of_this_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 108.0)
    status = kernel()
    status.start = 100.0
    assert status.left_s == 56.0
    status.carried = 48  # 48 of an unfinished run, and 8 of this one's in 8 seconds
    assert status.trials == 56 and status.left_s == 8.0
    status.tasks[0].trials = 0
    assert status.left_s is None and "48/64 trials, building" in dashboard.totals(status)


def test_calls_under_way_are_named() -> None:
    status = model()
    assert status.pool is not None
    status.pool.calls._acting.update({1: "expert", 2: "expert"})
    console = Console(file=io.StringIO(), width=100)
    console.print(dashboard.members(status))
    assert isinstance(console.file, io.StringIO)
    assert ["expert", "2", "7", "3"] in [line.split()[:4] for line in console.file.getvalue().splitlines()]
