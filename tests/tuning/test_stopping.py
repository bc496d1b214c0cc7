"""Ctrl-C in a run on several tasks: TVM measures batches of some before it looks at any, and none may be lost."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.journal import record
from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.search.events import Measured
from tvm_litecoop.tuning import drive, session, workdir
from tvm_litecoop.tuning.progress import Silent
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.tuning.status import Status, TaskStatus
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse

SPECS = ("matmul:32x32x32", "softmax:16x32", "matmul:16x32x32", "softmax:32x32")
BATCH = 4


@derived_object
class Builds(ms.builder.PyBuilder):  # type: ignore[misc]
    def build(self, build_inputs: Any) -> Any:
        return [ms.builder.BuilderResult(f"{tempfile.mkdtemp()}/kernel.so", None) for _ in build_inputs]


@derived_object
class Done(ms.runner.PyRunnerFuture):  # type: ignore[misc]
    def done(self) -> bool:
        return True

    def result(self) -> Any:
        return ms.runner.RunnerResult([1e-3], None)


@derived_object
class Runs(ms.runner.PyRunner):  # type: ignore[misc]
    """Presses Ctrl-C at one of the batches."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.batches, self.measured = at, 0, 0

    def run(self, runner_inputs: Any) -> Any:
        self.batches += 1
        self.measured += len(runner_inputs)
        if self.batches == self.at:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1.0)  # for the thread that hears of it
        return [Done() for _ in runner_inputs]


def driven(strategy: str, runner: Any, work: Path, monkeypatch: pytest.MonkeyPatch, trials: int = 400) -> drive.Driven:
    load_tensor_intrinsics()
    target = parse_target(None)
    database = workdir.open_database(str(work), fresh=False)
    status = Status("test", trials, BATCH, str(work), [TaskStatus(spec) for spec in SPECS])

    @contextmanager
    def tools(*_: Any, **_options: object) -> Iterator[dict[str, Any]]:
        yield {"builder": Builds(), "runner": runner}

    monkeypatch.setattr(drive, "warm_tools", tools)

    def tune(given: dict[str, Any]) -> None:
        contexts = [
            ms.TuneContext(
                parse(spec).mod,
                target=target,
                space_generator="post-order-apply",
                search_strategy=given["strategy"],
                task_name=spec,
                rand_state=3,
                num_threads=2,
            ).clone()
            for spec in SPECS
        ]
        del given["strategy"], given["space"]
        ms.tune_tasks(
            tasks=contexts,
            task_weights=[1.0] * len(SPECS),
            work_dir=str(work),
            max_trials_global=trials,
            num_trials_per_iter=BATCH,
            database=database,
            **{**given, "cost_model": "random"},
        )

    return drive.drive(Request("test", strategy, trials=trials), status, Silent(), None, tune)


def on_disk(work: Path) -> int:
    return len((work / "database_tuning_record.json").read_text().splitlines())


@pytest.mark.parametrize("at", [2, 6, 7])
@pytest.mark.parametrize("strategy", ["litecoop", "replay-trace"])
def test_what_is_measured_is_kept(strategy: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runs(at)
    done = driven(strategy, runner, tmp_path, monkeypatch)
    assert done.interrupted and on_disk(tmp_path) == runner.measured
    if strategy == "litecoop":
        assert runner.batches == at  # none is begun after it
        runs = record.read(tmp_path)
        events = [event for run in runs for event in run.events if isinstance(event, Measured)]
        assert sum(len(event.results) for event in events) == runner.measured
        assert not any(run.ended for run in runs)
    else:
        assert runner.batches <= max(at + 1, len(SPECS))


def test_a_run_gone_on_with_near_its_end_begins_no_more_than_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Runs(2), Runs(0)
    assert driven("litecoop", first, tmp_path, monkeypatch, trials=8).interrupted
    done = driven("litecoop", second, tmp_path, monkeypatch, trials=8)
    assert not done.interrupted and on_disk(tmp_path) == first.measured + second.measured
    assert 8 <= first.measured + second.measured < 8 + BATCH
    assert all(run.ended for run in record.read(tmp_path))


def test_only_a_function_without_a_design_space_is_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **_options: Any) -> None:
        raise RuntimeError("no room for a worker")

    load_tensor_intrinsics()
    monkeypatch.setattr(ms, "tune_tir", broken)
    request = Request("matmul:16x16x16", trials=4, work_dir=str(tmp_path), stock=True)
    with pytest.raises(RuntimeError, match="no room for a worker"):
        session.run(request, parse("matmul:16x16x16"), parse_target(None), Silent())
