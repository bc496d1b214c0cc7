"""A Relax module's inputs, and static shapes in place of symbolic ones."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax, tirx

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.model_files.model import MAIN, Argument, Model
from tvm_litecoop.model_files.shapes import Shapes, settle, shown


def of_value(value: Any, text: str, shapes: Shapes) -> Model | None:
    """A user's Relax module as a model; None where the value is something else.

    Raises:
        WorkloadError: It has no "main", an input is no tensor, or a dimension is left open.
    """
    if not isinstance(value, tvm.IRModule):
        return None
    functions = [var.name_hint for var, func in value.functions.items() if isinstance(func, relax.Function)]
    if not functions:
        return None
    if MAIN not in functions:
        raise WorkloadError(f"{text} has no Relax function {MAIN!r}", f"it has {', '.join(functions)}: rename one")
    params = value[MAIN].params
    if any(not isinstance(getattr(_type(param), "shape", None), relax.ShapeExpr) for param in params):
        raise WorkloadError(f"{text}: an input of {MAIN!r} is no tensor", "inputs must be tensors of a known rank")
    found = settle(text, {param.name: _dims(param) for param in params}, shapes)
    inputs = tuple(Argument(param.name, found[param.name], str(_type(param).dtype)) for param in params)
    mod = _whose_weights_are_inputs(bound(value, found, text))
    return Model(text, mod, inputs, None, "not checked: only TVM knows this model")


def bound(mod: Any, shapes: Shapes, text: str) -> Any:
    """The module with the given shapes of its inputs, by name and in their order, in place of symbolic ones.

    Raises:
        WorkloadError: A dimension follows from another one and is given another extent, or is open all the same.
    """
    variables = {
        dim.name: extent
        for param, shape in zip(mod[MAIN].params, shapes.values(), strict=True)
        for dim, extent in zip(_type(param).shape, shape, strict=True)
        if isinstance(dim, tirx.Var)
    }
    mod = relax.transform.BindSymbolicVars(variables)(mod) if variables else mod
    for (name, shape), param in zip(shapes.items(), mod[MAIN].params, strict=True):
        dims = _dims(param)
        if any(isinstance(dim, str) for dim in dims):
            hint = "give the dimension that it follows from to an input of its own, or make it static"
            raise WorkloadError(f"{text}: input {name!r} is {shown(dims)}, which no shape of an input settles", hint)
        if dims != list(shape):
            as_given = f"--shape: input {name!r} of {text} is {shown(dims)} where the others are as given"
            raise WorkloadError(as_given, f"--shape {name}={shown(dims)}")
    return mod


def _whose_weights_are_inputs(mod: Any) -> Any:
    """Without the mark of how many arguments are no weights (`num_input`).

    TVM would let kernels choose the layout of the others, and the model pack these anew in each of its runs.
    """
    mod = mod.clone()
    mod[MAIN] = mod[MAIN].without_attr("num_input")
    return mod


def _dims(param: Any) -> list[int | str]:
    return [_extent(dim) for dim in _type(param).shape]


def _type(var: Any) -> Any:
    """`ty` in TVM 0.27, `struct_info` before."""
    return getattr(var, "ty", None) or var.struct_info


def _extent(dim: Any) -> int | str:
    try:
        return int(dim)
    except (TypeError, ValueError):
        return str(dim)
