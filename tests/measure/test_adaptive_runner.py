"""AdaptiveRunner times like LocalRunner, spends calls where they matter, and survives its candidates."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tvm
from tvm import te
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.arg_info import ArgInfo
from tvm.s_tir.meta_schedule.runner import RunnerInput

import tvm_litecoop.measure.runner as runner_module
from tvm_litecoop.measure import EXPORT_SHARED, AdaptiveRunner, WarmBuilder, export_shared
from tvm_litecoop.measure.arguments import ArgumentCache, args_key
from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.measure.known_best import DOUBT_AFTER, KnownBest
from tvm_litecoop.measure.timing import Effort, Timing, time_kernel

TARGET = tvm.target.Target({"kind": "llvm", "num-cores": 1})
TICK = "tvm_litecoop_test.tick"


class Ticks:
    """What the kernels of these tests call: it counts the call in a file and lets some time pass."""

    def __init__(self, count_in: Path) -> None:
        self.count_in = str(count_in)

    def register(self) -> None:
        """The runner's initializer."""
        import tvm_ffi

        tvm_ffi.register_global_func(TICK, self.tick, override=True)

    def tick(self, name: str, milliseconds: int) -> None:
        with open(f"{self.count_in}/{name}", "ab") as file:
            file.write(b".")
        if name.startswith("crash"):
            os._exit(3)
        time.sleep(milliseconds / 1e3)

    def calls(self, name: str) -> int:
        return os.path.getsize(f"{self.count_in}/{name}")


def kernel(name: str, milliseconds: int, elements: int = 16) -> RunnerInput:
    """A built kernel that calls `tick` once; kernels of the same `elements` take the same arguments."""

    def body(ins: Any, outs: Any) -> Any:
        call = tvm.tirx.call_packed(TICK, name, milliseconds)
        return tvm.tirx.Evaluate(call)

    a = te.placeholder((elements,), "float32", "A")
    func = te.create_prim_func([a, te.extern((elements,), [a], body, dtype="float32", name="B")])
    artifact = export_shared(tvm.tirx.build(func, target=TARGET))
    return RunnerInput(artifact, "cpu", ArgInfo.from_prim_func(func))


@pytest.fixture(scope="module")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Ticks:
    return Ticks(tmp_path_factory.mktemp("ticks"))


@pytest.fixture(scope="module")
def runner(ticks: Ticks) -> Iterator[AdaptiveRunner]:
    runner = AdaptiveRunner(timeout_sec=5.0, initializer=ticks.register)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def patient(ticks: Ticks) -> Iterator[AdaptiveRunner]:
    """Times so long that what a slow machine adds to a call does not matter."""
    runner = AdaptiveRunner(min_repeat_ms=300, timeout_sec=120.0, initializer=ticks.register)
    yield runner
    runner.close()


def run(runner: AdaptiveRunner, *inputs: RunnerInput) -> list[Any]:
    futures = runner.run(list(inputs))
    assert all(future.done() for future in futures)
    return [future.result() for future in futures]


def seconds(result: Any) -> list[float]:
    assert result.error_msg is None, result.error_msg
    return [float(value) for value in result.run_secs]


def test_run_secs_are_seconds_per_call_and_the_hopeless_get_few_calls(patient: Any, ticks: Ticks) -> None:
    good, hopeless = run(patient, kernel("good", 5), kernel("hopeless", 100))
    assert len(seconds(good)) >= 6  # the best so far: about 3 times 3 repeats
    assert all(0.005 <= value < 0.1 for value in seconds(good))
    assert ticks.calls("good") > 20  # 900 ms of 5 ms calls, which a busy machine stretches
    assert all(0.1 <= value < 5.0 for value in seconds(hopeless))
    assert ticks.calls("hopeless") <= 4
    [alone] = run(patient, kernel("alone", 100, elements=32))
    assert seconds(alone) and ticks.calls("alone") > ticks.calls("hopeless")  # the same, without a better one


def test_a_real_kernel_agrees_with_tvm_s_evaluator() -> None:
    a = te.placeholder((1 << 20,), "float32", "A")
    func = te.create_prim_func([a, te.compute(a.shape, lambda i: te.exp(a[i]), name="B")])
    module = tvm.tirx.build(func, target=TARGET)
    runner = AdaptiveRunner(min_repeat_ms=10)
    [result] = run(runner, RunnerInput(export_shared(module), "cpu", ArgInfo.from_prim_func(func)))
    runner.close()
    args = [tvm.runtime.tensor(np.ones(1 << 20, "float32")) for _ in range(2)]
    expected = module.time_evaluator("main", tvm.cpu(), number=10)(*args).mean
    assert expected / 20 < np.median(seconds(result)) < expected * 20  # seconds, not milliseconds; another moment


def test_a_crash_and_a_hang_cost_their_own_candidate_only(runner: Any, ticks: Ticks) -> None:
    milliseconds = {"a": 1, "crash": 0, "b": 1, "hang": 9999, "c": 1}
    results = run(runner, *(kernel(name, each, elements=48) for name, each in milliseconds.items()))
    assert [result.run_secs is None for result in results] == [False, True, False, True, False]
    assert str(results[1].error_msg) == "LocalRunner: An exception occurred\nSubprocess terminated"
    assert str(results[3].error_msg) == "LocalRunner: Timeout, killed after 5.0 seconds\n"
    assert ticks.calls("crash") == ticks.calls("hang") == 1
    assert all(0.001 <= value < 0.1 for result in results[::2] for value in seconds(result))


def test_first_calls_that_do_not_end_are_given_up(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LOADED_S", 2.0)
    monkeypatch.setattr(runner_module, "HOPELESS_RATIO", 10.0)
    waits = AdaptiveRunner(initializer=ticks.register)
    results = run(waits, kernel("fine", 1, elements=80), kernel("endless", 99_999, elements=80))
    waits.close()
    assert seconds(results[0])
    killed = re.fullmatch(r"LocalRunner: Timeout, killed after ([\d.]+) seconds\n?", str(results[1].error_msg))
    assert killed and 2.0 <= float(killed[1]) < 25.0  # the runner's own limit is 30 s


def test_an_artifact_that_cannot_be_loaded_is_an_error_text(runner: Any) -> None:
    info = kernel("unused", 1).args_info
    [result] = run(runner, RunnerInput("/no/such/file.so", "cpu", info))
    assert str(result.error_msg).startswith("LocalRunner: An exception occurred\n")
    assert "cannot find file /no/such/file.so" in str(result.error_msg)


def test_a_slower_task_with_the_same_arguments_is_timed_in_full(patient: Any) -> None:
    run(patient, kernel("fast task", 5, elements=64))
    slower = [kernel(f"slow task {i}", 100, elements=64) for i in range(DOUBT_AFTER)]
    assert {len(seconds(result)) for result in run(patient, *slower[:-1])} <= {1, 2}
    assert len(seconds(run(patient, slower[-1])[0])) >= 3


def test_close_leaves_no_process_and_can_be_repeated() -> None:
    before = set(psutil.Process().children(recursive=True))
    runner = AdaptiveRunner()
    assert len(set(psutil.Process().children(recursive=True)) - before) <= 1
    runner.close()
    runner.close()
    assert set(psutil.Process().children(recursive=True)) == before
    with pytest.raises(RuntimeError, match="closed"):
        run(runner, kernel("late", 1))


def test_tune_tir_takes_both(tmp_path: Path) -> None:
    a = te.placeholder((32, 32), "float32", "A")
    func = te.create_prim_func([a, te.compute(a.shape, lambda i, j: a[i, j] + 1.0, name="B")])
    load_tensor_intrinsics()  # what tune_tir imports, sooner
    builder, runner = WarmBuilder(max_workers=1, f_export=EXPORT_SHARED), AdaptiveRunner()
    database = ms.tune_tir(
        func,
        TARGET,
        str(tmp_path),
        max_trials_global=4,
        num_trials_per_iter=2,
        builder=builder,
        runner=runner,
        strategy="replay-trace",
        num_tuning_cores=1,
    )
    builder.close()
    runner.close()
    records = database.get_all_tuning_records()
    assert len(records) >= 1
    assert all(0.0 < float(value) < 0.1 for record in records for value in record.run_secs)


class FakeClock:
    """A kernel of `seconds` per call; counts the timed calls and what was asked."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)  # the last value stays
        self.timed = 0
        self.evaluations = 0

    def __call__(self, number: int, repeat: int, min_ms: float) -> list[float]:
        self.evaluations += 1
        values = []
        for _ in range(repeat):
            value = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
            self.timed += max(number, math.ceil(min_ms / 1e3 / value))
            values.append(value)
        return values


MS = 1e-3


@pytest.mark.parametrize(
    ("kernel_s", "best_s", "timed", "repeats", "gave_up"),
    [
        (1 * MS, 1 * MS, 1 + 90, 9, False),  # near the best: 9 repeats of 10 ms
        (1 * MS, None, 1 + 90, 9, False),  # nothing to compare with
        (2 * MS, 1 * MS, 1 + 15, 3, False),  # ordinary: 3 repeats of 10 ms
        (4 * MS, 1 * MS, 2, 2, True),  # hopeless, looked at twice
        (60 * MS, 1 * MS, 1, 1, True),  # hopeless and long: once
        (20 * MS, 15 * MS, 2, 2, False),  # one call fills a repeat: two looks count as two
        (30 * MS, 30 * MS, 3, 3, False),  # the same near the best
        (60 * MS, 40 * MS, 1, 1, False),  # one call fills the whole time and is long enough to be trusted
        (60 * MS, 60 * MS, 2, 2, False),  # the same near the best
        (10e-6, 5e-6, 100 + 3000, 3, False),  # microseconds: the first look is 1 ms of calls
    ],
)
def test_calls_by_prospect(kernel_s: float, best_s: float | None, timed: int, repeats: int, gave_up: bool) -> None:
    clock = FakeClock(kernel_s)
    timing = time_kernel(clock, Effort(), best_s)
    assert clock.timed == timed
    assert timing == Timing((kernel_s,) * repeats, gave_up)


def test_one_hiccup_does_not_condemn_a_kernel() -> None:
    timing = time_kernel(FakeClock(9 * MS, 1 * MS), Effort(), best_s=1 * MS)
    assert not timing.gave_up
    assert timing.run_secs == (1 * MS,) * 9


@pytest.mark.parametrize(("third_s", "repeats"), [(2.6 * MS, 3), (1.2 * MS, 3), (1.05 * MS, 9)])
def test_more_repeats_follow_where_the_fastest_one_is_near_the_best(third_s: float, repeats: int) -> None:
    clock = FakeClock(2 * MS, 2 * MS, 2 * MS, third_s, 2 * MS)  # the first look, then the repeats
    assert len(time_kernel(clock, Effort(), best_s=1 * MS).run_secs) == repeats


def test_a_first_look_that_took_too_long_does_not_shorten_the_timing() -> None:
    clock = FakeClock(6 * MS, 1 * MS)
    assert time_kernel(clock, Effort(), best_s=None).run_secs == (1 * MS,) * 8
    assert clock.timed == 1 + 8 * 5  # not the 2 calls a repeat that 6 ms would ask for
    clock = FakeClock(30 * MS, 1 * MS)
    assert time_kernel(clock, Effort(), best_s=None).run_secs == (1 * MS,) * 9


def test_never_giving_up_is_a_setting() -> None:
    assert not time_kernel(FakeClock(60 * MS), Effort(give_up_ratio=math.inf), best_s=1e-6).gave_up


def test_known_best_keeps_the_fastest_and_is_doubted_after_a_row_of_hopeless_ones() -> None:
    best = KnownBest()
    assert best.seconds("k") is None
    best.note("k", Timing((2.0, 3.0, 100.0)))
    assert best.seconds("k") == 3.0
    best.note("k", Timing((5.0,)))
    for _ in range(DOUBT_AFTER - 1):
        best.note("k", Timing((50.0,), gave_up=True))
    assert best.seconds("k") == 3.0 and not best.doubtful("k")
    best.note("k", Timing((4.0,)))  # breaks the row
    for _ in range(DOUBT_AFTER):
        best.note("k", Timing((50.0,), gave_up=True))
    assert best.doubtful("k") and not best.doubtful("other")
    best.forget("k")
    assert best.seconds("k") is None and not best.doubtful("k")


def test_arguments_are_kept_up_to_a_limit() -> None:
    def info(elements: int) -> list[list[Any]]:
        return [["TENSOR", "float32", [elements]]]

    cache, device = ArgumentCache(limit_bytes=4 * 100), tvm.cpu()
    [small], [other] = cache.get(device, info(40)), cache.get(device, info(50))
    assert cache.get(device, info(40))[0] is small
    cache.get(device, info(30))  # 120 elements: the one used longest ago, `other`, goes
    assert cache.get(device, info(40))[0] is small
    assert cache.get(device, info(50))[0] is not other
    [large] = cache.get(device, info(101))
    assert cache.get(device, info(101))[0] is not large


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "int8", "uint8", "int32", "int64"])
def test_arguments_are_ordinary_to_the_last_element(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    garbage = np.full((7, 3), 77).astype(dtype)
    monkeypatch.setattr(tvm.runtime, "empty", lambda shape, dtype, device: tvm.runtime.tensor(garbage))
    [tensor] = ArgumentCache().get(tvm.cpu(), [["TENSOR", dtype, [7, 3]]])
    values = tensor.numpy()
    assert values.dtype == dtype and values.shape == (7, 3)
    if "float" in dtype:  # numbers around 0, so that an exponential of them is ordinary, too
        assert values.min() < 0 < values.max() and np.abs(values).max() < 6
    else:
        assert set(values.ravel()) <= ({0, 1} if values.dtype.itemsize >= 2 else set(range(1, 11)))


def test_a_packed_weight_is_the_same_argument_in_another_shape() -> None:
    cache, device = ArgumentCache(), tvm.cpu()
    plain = cache.get(device, [["TENSOR", "float32", [4, 6]], ["TENSOR", "float32", [8]]])
    packed = cache.get(device, [["TENSOR", "float32", [2, 3, 4]], ["TENSOR", "float32", [8]]])
    assert packed[0].shape == (2, 3, 4) and packed[1].same_as(plain[1])
    np.testing.assert_array_equal(packed[0].numpy().ravel(), plain[0].numpy().ravel())
    other = cache.get(device, [["TENSOR", "float32", [4, 7]], ["TENSOR", "float32", [8]]])
    assert not other[1].same_as(plain[1])


def test_candidates_of_one_task_are_compared_whatever_their_packing() -> None:
    def key(*shapes: list[int]) -> str:
        return args_key("cpu", [["TENSOR", "float32", shape] for shape in shapes])

    assert key([64, 64], [4, 64, 16]) == key([64, 64], [16, 64, 4]) == key([64, 64], [64, 64])
    assert key([64, 64]) != key([64, 65]) != key([64, 65], [1])
