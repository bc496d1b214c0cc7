"""WarmBuilder: LocalBuilder's results from processes that stay, and one fault costs one candidate."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tvm
from tvm import te
from tvm.s_tir.meta_schedule.builder import BuilderInput, LocalBuilder
from tvm.s_tir.meta_schedule.builder.local_builder import default_build, default_export
from tvm.script import tirx as T
from tvm.support import cc

import tvm_litecoop.measure.builder as builder_module
from tvm_litecoop.errors import LiteCoOpError
from tvm_litecoop.measure import EXPORT_SHARED, WarmBuilder, export_shared, process
from tvm_litecoop.measure.builder import build_module
from tvm_litecoop.measure.intrinsics import index_frozen_modules, load_tensor_intrinsics

TARGET = tvm.target.Target({"kind": "llvm", "num-cores": 1})
N = 64


def matmul_schedule() -> Any:
    a, b = te.placeholder((N, N), "float32", "A"), te.placeholder((N, N), "float32", "B")
    k = te.reduce_axis((0, N), "k")
    c = te.compute((N, N), lambda i, j: te.sum(a[i, k] * b[k, j], axis=k), name="C")
    sch = tvm.s_tir.Schedule(te.create_prim_func([a, b, c]))
    block = sch.get_sblock("C")
    i, j, k = sch.get_loops(block)
    j_outer, j_inner = sch.split(j, [None, 16])
    sch.reorder(i, j_outer, k, j_inner)
    sch.vectorize(j_inner)
    return sch.mod


def labelled(label: str, size: int = 1) -> BuilderInput:
    """A module that tells `obey` what to do with it."""
    a = te.placeholder((size,), "float32", "A")
    func = te.create_prim_func([a, te.compute((size,), lambda i: a[i])])
    return BuilderInput(tvm.IRModule({"main": func.with_attr("label", label)}), TARGET)


def obey(mod: Any, _target: Any, _params: Any) -> str:
    """An f_build that does what the label says and returns it, or the process id."""
    label = str(mod["main"].attrs["label"])
    match label.split():
        case ["exit"]:
            os._exit(3)
        case ["hang"]:
            time.sleep(1000)
        case ["stop"]:  # nothing in the worker runs any more, its own timer included
            os.kill(os.getpid(), signal.SIGSTOP)
        case ["fail"]:
            raise ValueError("no such thing")
        case ["sleep", seconds, _]:
            time.sleep(float(seconds))
        case ["pid", *_]:
            return str(os.getpid())
        case ["until", path]:
            Path(path + ".begun").touch()
            while not Path(path).exists():
                time.sleep(0.01)
    return label


def keep(value: str) -> str:
    """An f_export for the answers of `obey`."""
    return value


def paths(results: list[Any]) -> list[str | None]:
    return [None if result.artifact_path is None else str(result.artifact_path) for result in results]


@pytest.fixture
def make_builder() -> Iterator[Any]:
    made = []

    def make(**settings: Any) -> WarmBuilder:
        made.append(WarmBuilder(**settings))
        return made[-1]

    yield make
    for builder in made:
        builder.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[WarmBuilder]:
    """Two workers that obey labels, with little patience."""
    builder = WarmBuilder(max_workers=2, timeout_sec=5.0, f_build=obey, f_export=keep)
    yield builder
    builder.close()


def product(artifact: str) -> tuple[np.ndarray, np.ndarray]:
    """What the built matmul computes, and what it should."""
    a, b = np.random.default_rng(1).random((2, N, N), dtype="float32")
    out = tvm.runtime.tensor(np.zeros((N, N), "float32"))
    tvm.runtime.load_module(artifact)["main"](tvm.runtime.tensor(a), tvm.runtime.tensor(b), out)
    return out.numpy(), a @ b


@pytest.mark.filterwarnings("ignore:build is deprecated")  # TVM's default_build
@pytest.mark.parametrize(("f_export", "suffix"), [(None, ".tar"), (EXPORT_SHARED, ".so")])
def test_artifact_computes_what_tvm_s_default_computes(make_builder: Any, f_export: Any, suffix: str) -> None:
    mod = matmul_schedule()
    [result] = make_builder(max_workers=1, f_export=f_export).build([BuilderInput(mod, TARGET)])
    assert result.error_msg is None
    artifact = str(result.artifact_path)
    assert artifact.endswith(suffix)
    assert os.listdir(os.path.dirname(artifact)) == [os.path.basename(artifact)]  # may be removed with it
    mine, expected = product(artifact)
    load_tensor_intrinsics()  # what default_build imports, sooner
    stock, _ = product(default_export(default_build(mod, TARGET, None)))
    np.testing.assert_array_equal(mine, stock)
    np.testing.assert_allclose(mine, expected, rtol=1e-4)
    shutil.rmtree(os.path.dirname(artifact))


def test_error_texts_are_local_builder_s(shared: WarmBuilder) -> None:
    settings = {"timeout_sec": 5.0, "f_build": obey, "f_export": keep, "initializer": adopt_path()}
    stock = LocalBuilder(max_workers=1, **settings)
    labels = ["fail", "exit", "hang"]
    texts = [
        [str(result.error_msg) for result in builder.build([labelled(label) for label in labels])]
        for builder in (shared, stock)
    ]
    for mine, theirs in zip(*texts, strict=True):
        assert mine.splitlines()[0] == theirs.splitlines()[0]
        assert mine.splitlines()[-1] == theirs.splitlines()[-1]
    assert texts[0][0].startswith("LocalBuilder: An exception occurred\n")
    assert texts[0][0].endswith("ValueError: no such thing\n")
    assert texts[0][2] == "LocalBuilder: Timeout, killed after 5.0 seconds"


def adopt_path() -> Any:
    """LocalBuilder's workers do not see this test module by themselves."""
    search = list(sys.path)

    def adopt() -> None:
        sys.path[:] = search

    return adopt


def test_a_fault_costs_its_own_candidate_only(shared: WarmBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.5)
    labels = ["one", "exit", "two", "hang", "three", "fail", "four", "stop", "five"]
    results = shared.build([labelled(label) for label in labels])
    assert paths(results) == ["one", None, "two", None, "three", None, "four", None, "five"]
    assert "Timeout" in str(results[7].error_msg)
    assert paths(shared.build([labelled("six"), labelled("seven")])) == ["six", "seven"]


def test_a_build_far_slower_than_the_others_is_given_up(make_builder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder_module, "LEAST_LIMIT_S", 1.0)
    warm = make_builder(max_workers=1, f_build=obey, f_export=keep, slow_ratio=2.0)
    labels = [f"sleep 0.01 {i}" for i in range(4)]
    assert paths(warm.build([labelled(label) for label in labels])) == labels
    [result] = warm.build([labelled("hang")])
    killed = re.fullmatch(r"LocalBuilder: Timeout, killed after ([\d.]+) seconds", str(result.error_msg))
    assert killed and 1.0 <= float(killed[1]) < 25.0  # the builder's own limit is 30 s
    assert paths(warm.build([labelled("one")])) == ["one"]
    another = labelled("sleep 1.5 long", size=2)  # builds of other kernels say nothing of it
    assert paths(warm.build([another])) == ["sleep 1.5 long"]


def test_a_kernel_that_takes_a_scalar_is_built(shared: WarmBuilder) -> None:
    @T.prim_func(s_tir=True)
    def scaled(n: T.int32, a: T.Buffer((4,), "float32")):
        T.func_attr({"global_symbol": "main", "label": "scaled"})
        for i in range(4):
            with T.sblock("a"):
                v = T.axis.spatial(4, i)
                a[v] = a[v] * T.Cast("float32", n)

    assert paths(shared.build([BuilderInput(tvm.IRModule({"main": scaled}), TARGET)])) == ["scaled"]


def test_results_are_in_the_order_of_the_inputs(shared: WarmBuilder) -> None:
    labels = [f"sleep {0.2 if i % 3 == 0 else 0.0} {i}" for i in range(9)]
    assert paths(shared.build([labelled(label) for label in labels])) == labels
    assert paths(shared.build([])) == []


def test_what_is_done_meanwhile_is_done_beside_the_builds(make_builder: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"

    def meanwhile() -> None:
        while not Path(f"{go}.begun").exists():
            time.sleep(0.01)
        go.touch()

    builder = make_builder(max_workers=1, timeout_sec=20, f_build=obey, f_export=keep, meanwhile=meanwhile)
    assert paths(builder.build([labelled(f"until {go}")])) == [f"until {go}"]
    waited_s, gone = builder.waited_s, tmp_path / "gone"

    def longer() -> None:
        gone.touch()
        while not builder._workers._ready:
            time.sleep(0.01)
        time.sleep(0.05)

    builder.meanwhile = longer
    builder.build([labelled(f"until {gone}")])
    assert builder.waited_s > waited_s
    builder.meanwhile = lambda: 1 / 0
    with pytest.raises(RuntimeError, match="division by zero"):
        builder.build([labelled("x")])


def test_workers_stay_and_one_that_died_idle_is_replaced_before_use(make_builder: Any) -> None:
    builder = make_builder(max_workers=1, f_build=obey, f_export=keep)
    [first] = paths(builder.build([labelled("pid")]))
    assert paths(builder.build([labelled("pid")])) == [first]
    os.kill(int(first), signal.SIGKILL)
    psutil.wait_procs([psutil.Process(int(first))], timeout=60)
    [second] = paths(builder.build([labelled("pid")]))
    assert second not in (None, first)


def test_workers_are_replaced_by_use_count(make_builder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder_module, "MAX_BUILDS", 2)
    builder = make_builder(max_workers=1, f_build=obey, f_export=keep)
    pids = paths(builder.build([labelled("pid") for _ in range(5)]))
    assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2, 4]


def test_no_worker_is_still_starting_when_build_returns(make_builder: Any, tmp_path: Path) -> None:
    started = str(tmp_path / "started")

    def start_slowly() -> None:
        time.sleep(0.5)
        with open(started, "ab") as file:
            file.write(b".")

    builder = make_builder(max_workers=1, f_build=obey, f_export=keep, initializer=start_slowly)
    builder.build([labelled("exit")])
    assert os.path.getsize(started) == 2


def test_close_ends_every_process_and_can_be_repeated() -> None:
    before = set(psutil.Process().children(recursive=True))
    builder = WarmBuilder(max_workers=2, f_build=obey, f_export=keep)
    builder.build([labelled("one")])
    assert len(set(psutil.Process().children(recursive=True)) - before) == 2
    builder.close()
    builder.close()
    assert set(psutil.Process().children(recursive=True)) == before
    with pytest.raises(RuntimeError, match="closed"):  # LiteCoOpError, after its way through TVM's FFI
        builder.build([labelled("one")])
    WarmBuilder(max_workers=2).close()  # while they are starting
    assert set(psutil.Process().children(recursive=True)) == before


def test_close_ends_a_worker_in_the_middle_of_a_job() -> None:
    before = set(psutil.Process().children(recursive=True))
    builder = WarmBuilder(max_workers=1, timeout_sec=20, f_build=obey, f_export=keep)
    with ThreadPoolExecutor(1) as thread:
        results = thread.submit(builder.build, [labelled("sleep 0 one"), labelled("hang")])
        time.sleep(3)  # most likely in the job by then; the outcome is the same if it is not
        builder.close()
        assert set(psutil.Process().children(recursive=True)) == before
        assert results.exception(timeout=60) or results.result()[1].artifact_path is None


PARENT = """
import sys, threading, psutil, time
sys.path.insert(0, {here!r})
from test_warm_builder import WarmBuilder, labelled, keep, obey
builder = WarmBuilder(max_workers=1, f_build=obey, f_export=keep, timeout_sec=1000)
[pid] = [result.artifact_path for result in builder.build([labelled("pid")])]
print(pid, flush=True)
sys.stdin.readline()
if {end!r} == "kill":
    builder.build([labelled("hang")])
"""


@pytest.mark.parametrize("end", ["kill", "exit"])
def test_workers_end_with_their_parent(end: str) -> None:
    code = PARENT.format(here=str(Path(__file__).parent), end=end)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        assert worker.ppid() == parent.pid
        parent.stdin.write("\n")
        parent.stdin.flush()
        if end == "kill":  # the worker is asleep in a job by then, or soon
            time.sleep(0.5)
            parent.kill()
        parent.wait(timeout=300)
    _, still_there = psutil.wait_procs([worker], timeout=60)
    assert not still_there


def test_a_name_that_is_not_registered_is_an_error_of_the_call(make_builder: Any) -> None:
    with pytest.raises(ValueError, match="not registered on the worker process"):
        make_builder(max_workers=1, f_build="no.such.function").build([labelled("one")])


def test_without_a_compiler_the_export_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cc, "get_cc", lambda: None)
    with pytest.raises(LiteCoOpError, match=r"no C compiler.*install gcc"):
        export_shared(None)


def test_a_library_needs_none_of_cxx_and_finds_the_functions_of_libm() -> None:
    a = te.placeholder((N,), "float32", "A")
    func = te.create_prim_func([a, te.compute((N,), lambda i: te.exp(a[i]), name="C")])
    path = export_shared(build_module(tvm.IRModule({"main": func}), TARGET, None))
    assert b"libm." in Path(path).read_bytes()
    assert b"libstdc++" not in Path(path).read_bytes()
    values = np.linspace(-1, 1, N, dtype="float32")
    given, out = tvm.runtime.tensor(values), tvm.runtime.tensor(np.zeros_like(values))
    tvm.runtime.load_module(path)["main"](given, out)
    np.testing.assert_allclose(out.numpy(), np.exp(values), rtol=1e-6)
    shutil.rmtree(Path(path).parent)


def functions_of(module: Any) -> dict[str, str]:
    """LLVM's functions by name, without the numbers of what they refer to."""
    plain = re.sub(r"[!#]\d+", "", module.inspect_source("ll"))
    found = re.split(r"^(?=define )", plain, flags=re.MULTILINE)[1:]
    return {re.findall(r"@([\w.]+)\(", text)[0]: text.split("\n}\n")[0] for text in found}


def test_a_kernel_that_trusts_its_arguments_computes_by_the_same_code() -> None:
    sch = tvm.s_tir.Schedule(matmul_schedule()["main"])
    sch.parallel(sch.get_loops(sch.get_sblock("C"))[0])
    trusting, checked = functions_of(build_module(sch.mod, TARGET, None)), functions_of(tvm.tirx.build(sch.mod, TARGET))
    computing = "__tvm_parallel_lambda"
    assert re.search("fmul|fma", checked[computing])
    assert trusting[computing] == checked[computing]
    entry = "__tvm_ffi_main"
    assert len(trusting[entry]) < len(checked[entry]) / 2


def build_without_intrinsics(mod: Any, target: Any, params: Any) -> str:
    build_module(mod, target, params)
    return str("tvm.s_tir.tensor_intrin" in sys.modules)


def test_a_tensorized_module_builds_where_the_intrinsics_were_never_imported(make_builder: Any) -> None:
    load_tensor_intrinsics()
    a, b = te.placeholder((4,), "uint8", "A"), te.placeholder((16, 4), "int8", "B")
    k = te.reduce_axis((0, 4), "k")
    c = te.compute((16,), lambda i: te.sum(a[k].astype("int32") * b[i, k].astype("int32"), axis=k), name="C")
    sch = tvm.s_tir.Schedule(te.create_prim_func([a, b, c]))
    block = sch.get_sblock("C")
    i, k = sch.get_loops(block)
    sch.decompose_reduction(block, i)
    sch.tensorize(i, "dot_16x4_avx512")
    assert "call_llvm_pure_intrin" in sch.mod.script()
    target = tvm.target.Target({"kind": "llvm", "mcpu": "cascadelake"})
    builder = make_builder(max_workers=1, f_build=build_without_intrinsics, f_export=keep)
    [result] = builder.build([BuilderInput(sch.mod, target)])
    assert (result.error_msg, result.artifact_path) == (None, "False")


def test_frozen_modules_are_found_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    import inspect

    monkeypatch.setattr(inspect, "modulesbyfile", {})
    index_frozen_modules()
    monkeypatch.setattr(inspect, "getabsfile", None)  # the search would begin with it
    code = compile("", "<frozen importlib._bootstrap>", "exec")
    assert inspect.getmodule(code, code.co_filename) is sys.modules["importlib._bootstrap"]
