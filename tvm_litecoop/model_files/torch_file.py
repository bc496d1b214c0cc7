"""A model from `model.pt2` (`torch.export.save`), or from torch objects of a Python file. Torch knows the answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.model_files.model import Argument, Array, Model
from tvm_litecoop.model_files.reading import line_of, needed, quiet
from tvm_litecoop.model_files.relax_module import bound
from tvm_litecoop.model_files.shapes import Shapes, settle

TAKEN = ("float32", "float16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
"""Dtypes of inputs: those of torch that numpy has."""
EXPORT = "make it with torch.export.save(torch.export.export(module.eval(), inputs), 'model.pt2')"


def load(path: Path, spec: str, shapes: Shapes) -> Model:
    """Read the file and translate it with TVM's frontend (relax/frontend/torch).

    Raises:
        WorkloadError: It is no exported program, an input has no static shape, or TVM lacks an operator.
    """
    torch = needed("torch", "torch", spec)
    try:
        with quiet():
            program = torch.export.load(str(path))
    except Exception as error:  # zip, pickle, schema: no common type
        raise WorkloadError(f"{spec} is no program of torch.export: {line_of(error)}", EXPORT) from None
    return _model(program, spec, shapes)


def of_value(value: Any, spec: str, shapes: Shapes) -> Model | None:
    """A model from an attribute of a Python file: an ExportedProgram, or `(module, inputs)`; None for neither.

    Raises:
        WorkloadError: As `load`; or torch cannot export the module.
    """
    kind = type(value).__module__.partition(".")[0]
    if kind == "torch" and type(value).__name__ == "ExportedProgram":
        return _model(value, spec, shapes)
    pair = isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], tuple)
    module = value[0] if pair else value
    if isinstance(module, tuple) and module and hasattr(module[0], "state_dict"):
        raise WorkloadError(f"{spec} is no pair of a module and its inputs", "let it be (module, (first input, ...))")
    if not hasattr(module, "state_dict"):
        return None
    if not pair:
        raise WorkloadError(f"{spec} is a module without inputs", "let it be (module, (first input, ...))")
    import torch

    try:
        with quiet():
            program = torch.export.export(module.eval(), value[1])
    except Exception as error:  # whatever the user's module raises
        raise WorkloadError(f"{spec}: torch cannot export it: {line_of(error)}", "mend the module") from None
    return _model(program, spec, shapes)


def _model(program: Any, spec: str, shapes: Shapes) -> Model:
    known, dtypes = _inputs(program, spec)
    found = settle(spec, known, shapes)
    mod = bound(_translated(program, spec), found, spec)
    inputs = tuple(Argument(name, found[name], dtypes[name]) for name in known)

    def answers(arrays: Sequence[Array]) -> list[Array]:
        import torch
        from torch.utils import _pytree

        tensors = [torch.from_numpy(np.array(array)) for array in arrays]
        args, kwargs = _pytree.tree_unflatten(tensors, program.call_spec.in_spec)
        with torch.no_grad():
            outputs = _pytree.tree_leaves(program.module()(*args, **kwargs))
        return [_numpy(one) for one in outputs if isinstance(one, torch.Tensor)]

    import torch

    return Model(spec, mod, inputs, answers, f"torch {torch.__version__}", _examples(program, inputs))


def _inputs(program: Any, spec: str) -> tuple[dict[str, list[int | str]], dict[str, str]]:
    """Shape and dtype of every input; a text is a dimension that is not known."""
    named = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    shapes: dict[str, list[int | str]] = {}
    dtypes = {}
    for name in program.graph_signature.user_inputs:
        value: Any = named[name].meta.get("val") if name in named else None
        if not hasattr(value, "shape"):
            raise WorkloadError(f"{spec}: input {name!r} is no tensor", "export the module with tensors as inputs")
        shapes[name] = [dim if isinstance(dim, int) else str(dim) for dim in value.shape]
        dtypes[name] = _dtype(value)
        if dtypes[name] not in TAKEN:
            raise WorkloadError(f"{spec}: input {name!r} is {dtypes[name]}", f"an input may be {', '.join(TAKEN)}")
    return shapes, dtypes


def _translated(program: Any, spec: str) -> Any:
    from tvm.relax.frontend.torch import from_exported_program

    with quiet():
        try:
            return from_exported_program(program)
        except Exception as error:  # what the translation of an operator raises has no common type
            failure = error
    said = str(failure)
    if said.startswith("Unsupported function types"):
        missing = sorted(said.partition("[")[2].strip("]").replace("'", "").replace(",", " ").split())
        nodes = [
            f"{one} (node {node.name!r})"
            for one in missing
            for node in _nodes(program)
            if getattr(node.target, "__name__", "") == one
        ]
        raise WorkloadError(
            f"{spec}: TVM's torch frontend lacks {', '.join(nodes[:3] or missing)}",
            "write the module without this operator",
        ) from None
    raise WorkloadError(
        f"{spec}: TVM's torch frontend cannot translate it: {line_of(failure)}", "try the same model as ONNX"
    ) from None


def _nodes(program: Any) -> list[Any]:
    """Before and after torch's decompositions, which the frontend makes."""
    with quiet():
        return [*program.graph.nodes, *program.run_decompositions().graph.nodes]


def _numpy(tensor: Any) -> Array:
    """An array with the values of a tensor, wherever that is; numpy itself has no bfloat16."""
    tensor = tensor.detach().cpu()
    array: Array = tensor.float().numpy() if _dtype(tensor) == "bfloat16" else tensor.numpy()
    return array.astype(_dtype(tensor))  # ml_dtypes, which comes with TVM, has one


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _examples(program: Any, inputs: Sequence[Argument]) -> tuple[Array, ...] | None:
    """The inputs that the program was exported with, where they fit."""
    from torch.utils import _pytree

    found = [_numpy(one) for one in _pytree.tree_leaves(program.example_inputs) if hasattr(one, "shape")]
    fit = len(found) == len(inputs) and all(
        array.shape == one.shape and str(array.dtype) == one.dtype for array, one in zip(found, inputs, strict=True)
    )
    return tuple(found) if fit and found else None
