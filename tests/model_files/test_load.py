"""Models from files: five networks against torch and ONNX Runtime, shapes, and files that cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.model_files import Model, load, shapes
from tvm_litecoop.tuning.end_to_end import Running, deviation
from tvm_litecoop.tuning.lowering import compiled, fused
from tvm_litecoop.tuning.targets import parse_target

from .conftest import exported, tiny_onnx


def off(model: Model) -> float:
    """Of the model compiled without any record."""
    target, inputs = parse_target(None), model.arrays()
    mod = fused(model.mod, target, packed=True)
    got = Running(compiled(mod, ms.database.MemoryDatabase(), target))(inputs)
    assert model.reference is not None
    return deviation(got, model.reference(inputs))


@pytest.mark.parametrize("name", ["resnet18", "decoder", "bert", "mobilenet", "moe"])
def test_networks_answer_as_torch_and_onnxruntime_do(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    for file, by in zip(exported(name, tmp_path), ("onnxruntime", "torch"), strict=True):
        model = load(str(file), {})
        assert isinstance(model, Model) and model.checked_by.startswith(by)
        assert off(model) <= 1.0


def test_a_file_of_python_names_models_too(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n"
        "from tvm.script import ir as I, relax as R\n"
        "torch.manual_seed(1)\n"
        "module = torch.nn.Linear(4, 3), (torch.ones(2, 4),)\n"
        "program = torch.export.export(*module)\n"
        "alone = module[0]\n"
        "triple = *module, {'bias': None}\n"
        "listed = module[0], [torch.ones(2, 4)]\n"
        "@I.ir_module\n"
        "class Graph:\n"
        "    @R.function\n"
        '    def main(x: R.Tensor(("n", 4), "float32")):\n'
        "        with R.dataflow():\n"
        "            y = R.nn.relu(x)\n"
        "            R.output(y)\n"
        "        return y\n"
    )
    for attribute in ("module", "program"):
        model = load(f"{file}:{attribute}", {})
        assert isinstance(model, Model) and off(model) <= 1.0
        np.testing.assert_array_equal(model.arrays()[0], np.ones((2, 4)))
    for attribute, said in (("alone", "a module without inputs"), ("triple", "no pair"), ("listed", "no pair")):
        with pytest.raises(WorkloadError, match=rf"{said}.*let it be \(module, \(first input, ...\)\)"):
            load(f"{file}:{attribute}", {})
    with pytest.raises(WorkloadError, match=r"dimension 0 \(n\) of input 'x' is dynamic.*--shape x=1x4"):
        load(f"{file}:Graph", {})
    graph = load(f"{file}:Graph", {"x": (2, 4)})
    assert isinstance(graph, Model) and graph.inputs[0].shape == (2, 4) and graph.reference is None


def test_weights_that_are_arguments_are_packed_by_no_kernel(tmp_path: Path) -> None:
    """TVM's tutorials detach them (`num_input`); the model would pack them anew in each of its runs."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from tvm.script import ir as I, relax as R\n"
        "@I.ir_module\n"
        "class Graph:\n"
        "    @R.function\n"
        '    def main(x: R.Tensor((4, 8), "float32"), w: R.Tensor((8, 16), "float32")):\n'
        '        R.func_attr({"num_input": 1})\n'
        "        with R.dataflow():\n"
        "            y = R.matmul(x, w)\n"
        "            R.output(y)\n"
        "        return y\n"
    )
    model = load(f"{file}:Graph", {})
    assert isinstance(model, Model) and [one.name for one in model.inputs] == ["x", "w"]
    marked = model.mod.clone()
    marked["main"] = marked["main"].with_attr("num_input", 1)
    for mod, packed in ((model.mod, False), (marked, True)):
        functions = fused(mod, parse_target(""), packed=True).functions
        (kernel,) = (func for var, func in functions.items() if "matmul" in var.name_hint)
        assert bool(kernel.attrs["layout_free_buffers"]) is packed


def test_dynamic_shapes_are_named_and_can_be_given(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    file = tiny_onnx(tmp_path / "open.onnx", dims=("batch", 3))
    with pytest.raises(WorkloadError, match=r"dimension 0 \(batch\) of input 'x' is dynamic: batchx3.*--shape x=1x3"):
        load(str(file), {})
    model = load(str(file), {"x": (5, 3)})
    assert isinstance(model, Model) and model.inputs[0].shape == (5, 3) and off(model) <= 1.0
    with pytest.raises(WorkloadError, match=r"has no input 'z' .it has x"):
        load(str(file), {"z": (5, 3)})
    with pytest.raises(WorkloadError, match=r"input 'x' of .* is batchx3"):
        load(str(file), {"x": (5, 4)})

    class Sum(torch.nn.Module):
        def forward(self, x: Any, *, y: Any) -> Any:
            return x + y, x * 2

    given = torch.ones(4, 3)
    batch = {0: torch.export.Dim("batch")}
    program = torch.export.export(Sum(), (given,), {"y": given}, dynamic_shapes={"x": batch, "y": batch})
    torch.export.save(program, str(tmp_path / "open.pt2"))
    with pytest.raises(WorkloadError, match=r"dimension 0 \(.*\) of input 'x' is dynamic"):
        load(str(tmp_path / "open.pt2"), {})
    found = load(str(tmp_path / "open.pt2"), {"x": (6, 3), "y": (6, 3)})
    assert isinstance(found, Model) and [one.shape for one in found.inputs] == [(6, 3), (6, 3)] and off(found) <= 1.0
    with pytest.raises(WorkloadError, match=r"is 6, but 5 in input 'y'"):
        load(str(tmp_path / "open.pt2"), {"x": (6, 3), "y": (5, 3)})


def test_a_dimension_may_follow_from_another(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(
        "from tvm.script import ir as I, relax as R, tirx as T\n"
        "@I.ir_module\n"
        "class Derived:\n"
        "    @R.function\n"
        '    def main(x: R.Tensor(("n",), "float32"), y: R.Tensor(("n * 2",), "float32")):\n'
        "        with R.dataflow():\n"
        "            z = R.concat((x, y), axis=0)\n"
        "            R.output(z)\n"
        "        return z\n"
    )
    model = load(f"{tmp_path}/f.py:Derived", {"x": (4,), "y": (8,)})
    assert isinstance(model, Model) and [one.shape for one in model.inputs] == [(4,), (8,)]
    with pytest.raises(WorkloadError, match=r"input 'y' of .* is 8 .*--shape y=8"):
        load(f"{tmp_path}/f.py:Derived", {"x": (4,), "y": (9,)})


@pytest.mark.parametrize(
    ("dims", "kind", "says"),
    [
        ((-1, 3), "FLOAT", r"dimension 0 \(\?\) of input 'x' is dynamic"),
        ((0, 3), "FLOAT", r"dimension 0 \(\?\) of input 'x' is dynamic"),
        ((2, 3), "UNDEFINED", "input 'x' is of no known type"),
        ((2, 3), "STRING", "inputs must be numbers or bool"),
    ],
)
def test_onnx_inputs_that_cannot_be_used_are_said(dims: Any, kind: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match=says):
        load(str(tiny_onnx(tmp_path / "odd.onnx", dims=dims, kind=kind)), {})


def test_torch_gradients_half_floats_and_empty_outputs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Odd(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.to(torch.bfloat16) * 2, None, x + 1

    given = torch.ones(2, 3, requires_grad=True)
    torch.export.save(torch.export.export(Odd(), (given,)), str(tmp_path / "odd.pt2"))
    model = load(str(tmp_path / "odd.pt2"), {})
    assert isinstance(model, Model) and model.reference is not None and off(model) <= 1.0
    assert [str(one.dtype) for one in model.reference(model.arrays())] == ["bfloat16", "float32"]

    torch.export.save(torch.export.export(torch.nn.ReLU(), (given.detach().bfloat16(),)), str(tmp_path / "brain.pt2"))
    with pytest.raises(WorkloadError, match="is bfloat16"):
        load(str(tmp_path / "brain.pt2"), {})


def test_operators_that_tvm_lacks_are_named_with_their_node(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(WorkloadError, match=r"TVM's ONNX frontend lacks Det \(node 'only'\)"):
        load(str(tiny_onnx(tmp_path / "det.onnx", "Det", (3, 3))), {})

    class Special(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.special.erfcx(x)

    torch.export.save(torch.export.export(Special(), (torch.ones(3),)), str(tmp_path / "special.pt2"))
    with pytest.raises(WorkloadError, match=r"TVM's torch frontend lacks special_erfcx.default \(node"):
        load(str(tmp_path / "special.pt2"), {})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("garbage.onnx", b"garbage", "cannot be read as ONNX"),
        ("empty.onnx", b"", "is no ONNX model: it has no outputs"),
        ("garbage.pt2", b"garbage", "is no program of torch.export"),
        ("folder.onnx", None, "is a directory"),
        ("weights.pth", b"", "has no program in it"),
    ],
)
def test_what_is_no_model_is_said_in_one_line(name: str, content: bytes | None, says: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    file = tmp_path / name
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(WorkloadError, match=says) as error:
        load(str(file), {})
    assert len(str(error.value).splitlines()) == 1 and error.value.hint


def test_packages_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("model.onnx", "model.pt2"):
        (tmp_path / name).write_bytes(b"something")
    for package in ("onnx", "torch", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WorkloadError, match=r"needs the package onnx .pip install onnx"):
        load(str(tmp_path / "model.onnx"), {})
    with pytest.raises(WorkloadError, match=r"needs the package torch .pip install torch"):
        load(str(tmp_path / "model.pt2"), {})
    monkeypatch.undo()
    pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    model = load(str(tiny_onnx(tmp_path / "relu.onnx")), {})
    assert isinstance(model, Model) and model.reference is None
    assert model.checked_by == "not checked: pip install onnxruntime"


@pytest.mark.parametrize("text", ["x", "x=", "=1x2", "x=1x0", "x=axb"])
def test_a_shape_that_is_none_is_said(text: str) -> None:
    with pytest.raises(WorkloadError, match="is not of the form"):
        shapes.parse([text])
