"""The five networks in small, exported once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def exported(name: str, folder: Path) -> tuple[Path, Path]:
    """`name.onnx` and `name.pt2`."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    from litecoop_bench.models import MODELS, SMALL
    from tvm_litecoop.model_files.reading import quiet

    onnx, pt2 = folder / f"{name}.onnx", folder / f"{name}.pt2"
    network, inputs = MODELS[name](**SMALL[name])
    with quiet():
        program = torch.export.export(network, inputs)
        torch.export.save(program, str(pt2))
        torch.onnx.export(program, (), str(onnx), dynamo=True, verbose=False)
    return onnx, pt2


@pytest.fixture(scope="session")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return exported("mobilenet", tmp_path_factory.mktemp("mobilenet"))


def tiny_onnx(file: Path, op: str = "Relu", dims: tuple[Any, ...] = (2, 3), kind: str = "FLOAT") -> Path:
    """One operator."""
    onnx = pytest.importorskip("onnx")
    number = getattr(onnx.TensorProto, kind)
    given, made = (onnx.helper.make_tensor_value_info(name, number, dims) for name in ("x", "y"))
    node = onnx.helper.make_node(op, ["x"], ["y"], name="only")
    graph = onnx.helper.make_graph([node], "graph", [given], [made])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10), str(file))
    return file
