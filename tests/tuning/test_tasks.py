"""Which tasks of a model are tuned."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tvm
from tvm import te

from tvm_litecoop.measure.cold import MARK
from tvm_litecoop.nest import Machine
from tvm_litecoop.tuning import task_times, tasks
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tuning.tasks import ModelTask, bound, choose, schedulable, untunable, weights_stay_cold
from tvm_litecoop.workloads import parse


def task(name: str, weight: int, untuned_s: float | None, bound_s: float, left_out: str = "") -> ModelTask:
    mod = parse(f"add:{4 + len(name)}x4").mod
    extracted: Any = SimpleNamespace(task_name=name, weight=weight, dispatched=[mod], target="llvm")
    return ModelTask(extracted, untuned_s, bound_s, left_out)


def test_the_largest_gain_comes_first_and_small_gains_are_left_out() -> None:
    tasks = [
        task("elementwise", 1, 1.2e-6, 1e-6),
        task("matmul", 2, 4e-3, 1e-3),
        task("view", 9, None, 0.0, "a reshape, which costs nothing"),
        task("conv", 1, 9e-3, 1e-3),
    ]
    found = choose(tasks, 10)
    assert [(one.name, one.left_out.partition(" ")[0]) for one in found] == [
        ("conv", ""),
        ("matmul", ""),
        ("elementwise", "tuning"),
        ("view", "a"),
    ]
    assert [one.left_out for one in choose(tasks, 1)][1] == "too few trials for so many tasks"


def test_of_kernels_that_cannot_be_timed_the_longest_come_first() -> None:
    tasks = [task("small", 9, None, 1e-5), task("matmul", 2, None, 1e-3), task("odd", 1, None, 1e-3)]
    assert [one.name for one in choose(tasks, 2)] == ["matmul", "odd", "small"]
    assert [bool(one.left_out) for one in choose(tasks, 2)] == [False, False, True]


def test_what_cannot_be_timed_is_tuned() -> None:
    assert [one.name for one in choose([task("conv", 1, 9e-3, 1e-3), task("odd", 1, None, 1e-3)], 10)] == [
        "odd",
        "conv",
    ]


def test_the_bound_is_arithmetic_or_memory() -> None:
    machine = Machine(cores=2, vector_bytes=64, ghz=3.0)
    assert bound(parse("matmul:512x512x512").mod, machine) > 1.5 * 2 * 512**3 / (machine.peak_gflops * 1e9)
    assert bound(parse("add:1024x1024").mod, machine) == pytest.approx(2 * 12 * 2**20 / 24e9)
    assert bound(parse("add:8x8").mod, Machine()) > 0.0  # no clock


def test_untuned_times_are_kept_for_their_target(tmp_path: Path) -> None:
    tasks = [task("conv", 1, 9e-3, 1e-3), task("view", 1, None, 0.0, "a reshape")]
    task_times.write(str(tmp_path), "llvm", tasks)
    assert task_times.read(str(tmp_path), "llvm") == {tasks[0].digest: 9e-3}
    assert task_times.read(str(tmp_path), "cuda") == {}
    task_times.write(str(tmp_path), "llvm -mcpu=other", tasks)  # timed for another target
    assert task_times.read(str(tmp_path), "llvm -mcpu=other") == {}
    task_times.write(str(tmp_path), "llvm", tasks)
    (tmp_path / task_times.FILE).write_text("{broken")
    assert task_times.read(str(tmp_path), "llvm") == {}


def test_what_could_not_be_timed_is_timed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = task("conv", 1, None, 0.0), task("matmul", 1, None, 0.0)
    asked: list[Any] = []
    monkeypatch.setattr(tasks, "untuned_seconds", lambda mods, *_: asked.extend(mods) or [2e-3] * len(mods))
    found = tasks.timed([one, other], parse_target(None), {one.digest: None, other.digest: 1e-3}, {})
    assert asked == [one.mod] and [each.untuned_s for each in found] == [2e-3, 1e-3]


def test_a_scheduled_kernel_and_one_of_dynamic_shape_are_left_out() -> None:
    plain = parse("matmul:16x16x16").mod
    n = te.var("n")
    x = te.placeholder((n, 16), name="x")
    dynamic = te.create_prim_func([x, te.compute((n, 16), lambda i, j: x[i, j] + 1.0)])
    mods = [plain, plain["main"].with_attr("tirx.is_scheduled", True), dynamic]
    assert [untunable(mod if isinstance(mod, tvm.IRModule) else tvm.IRModule({"main": mod})) for mod in mods] == [
        "",
        "has a schedule already",
        "has a shape that only the run tells",
    ]


def test_a_kernel_that_takes_a_scalar_is_left_out() -> None:
    x, n = te.placeholder((16,), name="x"), te.var("n", "int64")
    y = te.compute((16,), lambda i: x[i] + n.astype("float32"), name="y")
    mod = tvm.IRModule({"main": te.create_prim_func([x, n, y])})
    assert "arguments that cannot be made up" in untunable(mod)


def test_the_weights_of_a_kernel_of_dynamic_shape_count_too() -> None:
    rows = te.placeholder((te.var("n"), 16), name="rows")
    weights = te.placeholder((16, 16), name="weights")
    k = te.reduce_axis((0, 16), name="k")
    product = te.compute((rows.shape[0], 16), lambda i, j: te.sum(rows[i, k] * weights[k, j], axis=k), name="product")
    func = te.create_prim_func([rows, weights, product]).with_attr(MARK, [1])
    dynamic: Any = SimpleNamespace(task_name="dynamic", weight=1, dispatched=[tvm.IRModule({"main": func})])
    for l3_bytes, cold in ((1023, True), (1024, False)):
        assert weights_stay_cold([ModelTask(dynamic)], Machine(l3_bytes=l3_bytes)) is cold


def test_a_kernel_that_tvm_cannot_schedule_is_left_out() -> None:
    x, w, v = (te.placeholder((32, 32), name=name) for name in "xwv")
    k, j = (te.reduce_axis((0, 32)) for _ in range(2))
    gate = te.compute((32, 32), lambda a, b: te.sum(x[a, k] * w[k, b], axis=k), name="gate")
    up = te.compute((32, 32), lambda a, b: te.sum(x[a, j] * v[j, b], axis=j), name="up")
    both = te.compute((32, 32), lambda a, b: gate[a, b] * up[a, b], name="both")  # workloads/mlp.py says why it fails
    mod = tvm.IRModule({"main": te.create_prim_func([x, w, v, both])})
    odd = ModelTask(SimpleNamespace(task_name="odd", weight=1, dispatched=[mod]))
    target = parse_target(None)
    found = schedulable([odd, task("plain", 1, None, 0.0), task("view", 1, None, 0.0, "a reshape")], target)
    assert found[0].left_out.startswith("TVM's schedule rules fail on it") and "\n" not in found[0].left_out
    assert [one.left_out for one in found[1:]] == ["", "a reshape"]
