"""A model from `model.onnx`. ONNX Runtime, where it is installed, says what its answers must be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.model_files.model import Argument, Array, Model, Reference
from tvm_litecoop.model_files.reading import line_of, needed, quiet
from tvm_litecoop.model_files.shapes import NAMELESS, Shapes, settle

EXPORT = "export it again, for example torch.onnx.export(module, inputs, 'model.onnx', dynamo=True)"


def load(path: Path, spec: str, shapes: Shapes) -> Model:
    """Read the file and translate it with TVM's frontend (relax/frontend/onnx).

    Raises:
        WorkloadError: It is no ONNX file, an input has no static shape, or TVM lacks an operator.
    """
    onnx = needed("onnx", "onnx", spec)
    proto = _read(onnx, path, spec)
    known = _inputs(onnx, proto, spec)
    found = settle(spec, {name: shape for name, (shape, _) in known.items()}, shapes)
    inputs = tuple(Argument(name, found[name], known[name][1]) for name in known)
    reference, checked_by = _reference(path)
    return Model(spec, _translated(proto, spec, found), inputs, reference, checked_by)


def _read(onnx: Any, path: Path, spec: str) -> Any:
    try:
        with quiet():
            proto = onnx.load(str(path))
    except Exception as error:  # protobuf, missing files of weights, memory: no common type
        raise WorkloadError(f"{spec} cannot be read as ONNX: {line_of(error)}", EXPORT) from None
    if not proto.graph.output:
        raise WorkloadError(f"{spec} is no ONNX model: it has no outputs", EXPORT)
    return proto


def _inputs(onnx: Any, proto: Any, spec: str) -> dict[str, tuple[list[int | str], str]]:
    """Shape and dtype of every input that is no weight; a text is a dimension that is not known."""
    weights = {one.name for one in proto.graph.initializer}
    found: dict[str, tuple[list[int | str], str]] = {}
    for value in proto.graph.input:
        if value.name in weights:
            continue
        kind = value.type.tensor_type
        if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
            raise WorkloadError(f"{spec}: input {value.name!r} is no tensor of a known rank", EXPORT)
        dims: list[int | str] = [
            int(dim.dim_value) if dim.dim_value > 0 else dim.dim_param or NAMELESS for dim in kind.shape.dim
        ]
        found[value.name] = dims, _dtype(onnx, kind.elem_type, f"{spec}: input {value.name!r}")
    return found


def _dtype(onnx: Any, number: int, of: str) -> str:
    """The dtype that a number in the file stands for."""
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(number)
    except KeyError:
        raise WorkloadError(f"{of} is of no known type", EXPORT) from None
    if dtype.kind not in "fiub":
        raise WorkloadError(f"{of} is {dtype}", "inputs must be numbers or bool")
    return str(dtype)


def _translated(proto: Any, spec: str, shapes: dict[str, tuple[int, ...]]) -> Any:
    from tvm.relax.frontend.onnx import from_onnx

    with quiet() as printed:
        try:
            return from_onnx(proto, shape_dict={name: list(shape) for name, shape in shapes.items()})
        except Exception as error:  # what the translation of an operator raises has no common type
            failure = error
    said = str(failure)
    if "not supported for frontend ONNX:" in said:
        missing = sorted(said.rpartition(":")[2].replace(",", " ").split())
        nodes = [f"{node.op_type} (node {_name(node)})" for node in proto.graph.node if node.op_type in missing]
        raise WorkloadError(
            f"{spec}: TVM's ONNX frontend lacks {', '.join(nodes[:3])}", "export the model without this operator"
        ) from None
    operator = re.search(r"Error converting operator (\w+)", printed.getvalue())
    where = f" operator {operator[1]}" if operator else ""
    raise WorkloadError(f"{spec}: TVM's ONNX frontend cannot translate it:{where} {line_of(failure)}", EXPORT) from None


def _name(node: Any) -> str:
    return repr(node.name or (node.output[0] if node.output else "without a name"))


def _reference(path: Path) -> tuple[Reference | None, str]:
    """ONNX Runtime's answers; None, and why, where it is not there."""
    try:
        import onnxruntime
    except ImportError:
        return None, "not checked: pip install onnxruntime"

    def answers(inputs: Sequence[Array]) -> list[Array]:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_inputs()]
        return list(session.run(None, dict(zip(names, inputs, strict=True))))

    return answers, f"onnxruntime {onnxruntime.__version__}"
