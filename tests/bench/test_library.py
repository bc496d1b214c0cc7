"""The library's counterpart of every built-in workload computes the same, and is timed with the kernels."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from litecoop_bench import library, retime
from litecoop_bench.grid import Cell
from tvm_litecoop.certify.equality import deviation
from tvm_litecoop.tuning import workdir
from tvm_litecoop.workloads import BUILTIN, Workload, parse

SHAPES = [
    "matmul:13x7x32",
    "batch_matmul:3x8x16x24",
    "conv2d:1x12x10x8,3x3,16",
    "conv2d:2x9x9x4,3x1,8,s2",
    "conv2d:1x8x8x4,1x1,4,p1",
    "depthwise:1x14x14x8,3x3,s2",
    "attention:2x16x8",
    "mlp:4x16x32",
    "moe:2x4x16x8",
    "softmax:8x33",
    "layernorm:8x33",
    "add:4x5",
]


def test_every_family_has_a_counterpart() -> None:
    assert set(library.CALLS) == set(BUILTIN) == {text.partition(":")[0] for text in SHAPES}


@pytest.mark.parametrize("text", SHAPES)
def test_it_computes_what_the_workload_does(text: str) -> None:
    pytest.importorskip("torch")
    workload = parse(text)
    inputs = workload.inputs(seed=3)
    bound = library.bind(workload, inputs)
    assert isinstance(bound, library.Library) and bound.name.startswith("torch ")
    assert workload.reference is not None
    assert deviation(bound.call().numpy(), workload.reference(inputs), workload.rtol, workload.atol) <= 1.0


def test_it_runs_on_the_threads_of_the_kernels_and_its_time_is_a_time() -> None:
    torch = pytest.importorskip("torch")
    workload = parse("matmul:16x16x16")
    bound = library.bind(workload, workload.inputs(seed=1))
    assert isinstance(bound, library.Library)
    assert torch.get_num_threads() == int(os.environ["TVM_NUM_THREADS"])
    assert 1e-8 < bound.timer()() < 1.0


def test_a_torch_that_cannot_be_loaded_is_no_reason_to_lose_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise OSError("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr(importlib, "import_module", broken)
    workload = parse("add:4x4")
    assert "libcudart.so.12" in str(library.bind(workload, workload.inputs(1)))


def test_without_torch_and_without_a_counterpart_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = parse("add:4x4")
    own = Workload("add", "mine.py:add", workload.mod, 16, (1.0, 1.0))
    assert library.bind(own, own.inputs(1)) == "no counterpart"

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert library.bind(workload, workload.inputs(1)) == "torch is not installed"


def test_cells_without_a_kernel_and_unknown_workloads_are_reported(tmp_path: Path) -> None:
    empty, unknown = Cell("add:4x4", "litecoop", 1, 1), Cell("nothing:1", "litecoop", 1, 1)
    workdir.open_database(str(tmp_path / empty.name), fresh=True)
    found = retime.retime([empty, unknown], tmp_path)
    assert found[empty] == {"error": "no schedule in its database"}
    assert "unknown workload 'nothing'" in found[unknown]["error"]
    beside = found[Cell("add:4x4", retime.LIBRARY, 0, 0)]
    assert beside.get("correct") or beside["error"] == "torch is not installed"
