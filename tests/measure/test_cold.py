"""Kernels timed with the weights of their model in no cache."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import tvm
from tvm import te
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.measure import cold, runner
from tvm_litecoop.measure.timing import Effort, time_kernel
from tvm_litecoop.measure.tools import warm_tools
from tvm_litecoop.nest import Machine
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tuning.tasks import ModelTask, weights_stay_cold
from tvm_litecoop.tvm_bridge.arguments import args_of

ROWS, COLUMNS = 512, 1024


def _matvec(marked: bool) -> tvm.IRModule:
    x, w = te.placeholder((COLUMNS,), name="x"), te.placeholder((COLUMNS, ROWS), name="w")
    k = te.reduce_axis((0, COLUMNS), name="k")
    y = te.compute((ROWS,), lambda j: te.sum(x[k] * w[k, j], axis=k), name="y")
    func = te.create_prim_func([x, w, y]).with_attr("global_symbol", "main")
    return tvm.IRModule({"main": func.with_attr(cold.MARK, [1]) if marked else func})


def test_weights_are_what_is_marked() -> None:
    assert cold.weights_of(_matvec(marked=True)) == [1]
    assert cold.weights_of(_matvec(marked=False)) == []


def test_builder_and_runner_agree_on_what_is_cold(tmp_path: Path) -> None:
    target = parse_target("")
    for chilled in (False, True):
        with warm_tools(batch=2, cold_weights=chilled) as tools:
            mod = _matvec(marked=True)
            (built,) = tools["builder"].build([ms.builder.BuilderInput(mod, target)])
            assert built.error_msg is None
            assert cold.noted(built.artifact_path) == ([1] if chilled else [])
            job = ms.runner.RunnerInput(built.artifact_path, "cpu", args_of(mod))
            (future,) = tools["runner"].run([job])
            result = future.result()
            assert result.error_msg is None
            assert all(float(seconds) > 0 for seconds in result.run_secs)


def test_the_worker_takes_the_clock_that_was_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def clock_of(_module: object, _device: object, args: list[object], positions: list[int]) -> cold.Clock:
        asked.append((len(args), positions))
        return lambda _number, repeat, _min_ms: [1e-3] * repeat

    monkeypatch.setattr(cold, "cold_clock", clock_of)
    with warm_tools(batch=1, cold_weights=True) as tools:
        (built,) = tools["builder"].build([ms.builder.BuilderInput(_matvec(marked=True), parse_target(""))])
        candidate = runner._Candidate(
            str(built.artifact_path), "cpu", [one.as_json() for one in args_of(_matvec(True))]
        )
        assert runner._time_artifact(candidate, Effort(), None).run_secs[0] == 1e-3
    assert asked == [(3, [1])]


def test_every_call_finds_the_weights_cold() -> None:
    flushed = []

    class Clocked:
        entry_name = "main"

        def time_evaluator(self, name: str, _device: object, *, number: int, repeat: int, f_preproc: str) -> object:
            def evaluate(*args: object) -> object:
                for _ in range(repeat):
                    tvm.get_global_func(f_preproc)(*args)
                    flushed.append(number)
                return type("Times", (), {"results": [1.0, 3.0] * (repeat // 2)})

            return evaluate

    args = [tvm.runtime.tensor(np.zeros(8, np.float32)) for _ in range(3)]
    clock = cold.cold_clock(Clocked(), tvm.cpu(), args, [1])
    assert clock(2, 3, 10.0) == [2.0, 2.0, 2.0]
    assert flushed == [1] * 6


def test_short_calls_are_made_until_they_last_long_enough() -> None:
    made = []

    class Clocked:
        entry_name = "main"

        def time_evaluator(self, name: str, _device: object, *, number: int, repeat: int, f_preproc: str) -> object:
            made.append(repeat)
            return lambda *args: type("Times", (), {"results": [1e-5] * repeat})

    clock = cold.cold_clock(Clocked(), tvm.cpu(), [], [])
    assert clock(1, 2, 1.0) == pytest.approx([1e-5, 1e-5])
    assert made == [2, 200]
    assert len(clock(1, 1, 1e9)) == 1 and made[-1] == cold.MOST_CALLS
    assert len(clock(10 * cold.MOST_CALLS, 1, 1.0)) == 1 and made[-1] == cold.MOST_CALLS


def test_a_table_that_takes_longer_to_flush_than_its_kernel_to_run_is_flushed_less_often() -> None:
    """An embedding of 150 MB: 20 ms to empty the caches of it, 15 us to read some of its rows."""
    made: list[int] = []

    class Clocked:
        entry_name = "main"

        def time_evaluator(self, name: str, _device: object, *, number: int, repeat: int, f_preproc: str) -> object:
            def evaluate(*args: object) -> object:
                made.append(repeat)
                time.sleep(0.02 * (repeat + 1))
                return type("Times", (), {"results": [15e-6] * repeat})

            return evaluate

    timing = time_kernel(cold.cold_clock(Clocked(), tvm.cpu(), [], []), Effort(), None)
    assert len(timing.run_secs) >= 3 and not timing.gave_up
    assert sum(made) < 200  # thousands, by the seconds of the kernel


def test_weights_stay_cold_where_the_last_cache_cannot_hold_them() -> None:
    task = ModelTask(ms.ExtractedTask("y", _matvec(True), parse_target(""), [_matvec(True)], 3))
    size = 4 * ROWS * COLUMNS
    assert weights_stay_cold([task], Machine(l3_bytes=3 * size - 1))
    assert not weights_stay_cold([task], Machine(l3_bytes=3 * size))
    assert not weights_stay_cold([task], Machine("cuda", l3_bytes=0))
    unmarked = ModelTask(ms.ExtractedTask("y", _matvec(False), parse_target(""), [_matvec(False)], 3))
    assert not weights_stay_cold([unmarked], Machine(l3_bytes=0))


def test_what_is_noted_lies_beside_the_artifact(tmp_path: Path) -> None:
    artifact = str(tmp_path / "tvm_tmp_mod.so")
    assert cold.noted(artifact) == []
    cold.note(artifact, [1, 3])
    assert cold.noted(artifact) == [1, 3]
    assert json.loads((tmp_path / cold.FILE).read_text()) == [1, 3]
