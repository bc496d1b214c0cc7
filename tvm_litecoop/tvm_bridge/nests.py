"""Blocks of a schedule as plain loop nests: axes, extents, and how far every access moves with every loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tvm

from tvm_litecoop.nest import Access, Axis, Block

TILING = "meta_schedule.tiling_structure"
REDUCTION = 2  # tirx.IterVar.CommReduce
CONDITION = "if_then_else"
FUNCTIONS = {
    "exp", "exp2", "exp10", "log", "log2", "log10", "log1p", "pow", "tanh", "sigmoid", "erf", "sin", "cos", "tan",
}  # fmt: skip


def read_block(schedule: Any, block_rv: Any) -> Block:
    """The nest of a block as it stands in the schedule now, its accesses stated in terms of its loops."""
    block = schedule.get(block_rv)
    loops = [schedule.get(loop) for loop in schedule.get_loops(block_rv)]
    bindings = bindings_of(loops[-1].body, block) if loops else {}
    variables = [loop.loop_var for loop in loops]
    reduced = [bindings[v.var] for v in block.iter_vars if int(v.iter_type) == REDUCTION and v.var in bindings]
    axes = tuple(
        Axis(
            str(loop.loop_var.name),
            constant(loop.extent),
            any(shift_of(value, loop.loop_var, {}) for value in reduced),
        )
        for loop in loops
    )
    reads = [_access(region, variables, bindings, write=False) for region in block.reads]
    writes = [_access(region, variables, bindings, write=True) for region in block.writes]
    tiling = block.annotations.get(TILING, "")
    called = Counter(_called(getattr(block.body, "value", None)))
    functions, conditions = sum(called[name] for name in FUNCTIONS), called[CONDITION]
    return Block(str(block.name_hint), axes, (*reads, *writes), str(tiling), functions, conditions)


def bindings_of(body: Any, block: Any) -> dict[Any, Any]:
    """Iterator of the block -> its value in terms of the loops, found below the innermost loop."""
    if hasattr(body, "iter_values"):
        if body.block.same_as(block):
            pairs = zip(body.block.iter_vars, body.iter_values, strict=True)
            return {iter_var.var: value for iter_var, value in pairs}
        return {}
    for child in getattr(body, "seq", [body.body] if hasattr(body, "body") else []):
        found = bindings_of(child, block)
        if found:
            return found
    return {}


def buffer_of(access: Any) -> Any:
    """The buffer of a region or of a load."""
    return access.source if hasattr(access, "source") else access.buffer  # TVM 0.27, TVM 0.26


def _access(region: Any, variables: list[Any], bindings: Mapping[Any, Any], *, write: bool) -> Access:
    buffer = buffer_of(region)
    dims = tuple(tuple(shift_of(dim.min, variable, bindings) for variable in variables) for dim in region.region)
    shape = tuple(max(1, constant(extent)) for extent in buffer.shape)
    return Access(str(buffer.name), _item_bytes(str(buffer.dtype)), shape, dims, write)


def shift_of(index: Any, variable: Any, bindings: Mapping[Any, Any], to: int = 1) -> int:
    """How far `index` moves when the loop variable goes from 0 to `to`, every other variable at 0.

    Exact for the affine indices of tensor programs. For `x // 4` it says 0 of 1, "does not move", which is right for
    the small steps that strides are used for.
    """
    return _evaluate(index, variable, to, bindings) - _evaluate(index, variable, 0, bindings)


def _evaluate(expr: Any, variable: Any, value: int, bindings: Mapping[Any, Any]) -> int:
    kind = type(expr).__name__
    if kind == "IntImm":
        return int(expr.value)
    if kind == "Var":
        if expr.same_as(variable):
            return value
        return _evaluate(bindings[expr], variable, value, bindings) if expr in bindings else 0
    if kind == "Cast":
        return _evaluate(expr.value, variable, value, bindings)
    if not hasattr(expr, "b"):
        return 0  # a load or a call: data dependent, no stride
    a = _evaluate(expr.a, variable, value, bindings)
    b = _evaluate(expr.b, variable, value, bindings)
    return _ARITHMETIC[kind](a, b) if kind in _ARITHMETIC else 0


def _called(expr: Any) -> Iterator[str]:
    """Names of what an expression calls; a select counts as `CONDITION`."""
    if type(expr).__name__ == "Select":
        yield CONDITION
    elif hasattr(expr, "op"):
        yield str(getattr(expr.op, "name", "")).rsplit(".", 1)[-1]
    sides = ("a", "b", "value", "condition", "true_value", "false_value")
    for part in (*(getattr(expr, side) for side in sides if hasattr(expr, side)), *getattr(expr, "args", ())):
        yield from _called(part)


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "FloorDiv": lambda a, b: a // b if b else 0,
    "FloorMod": lambda a, b: a % b if b else 0,
    "Max": max,
    "Min": min,
}


def constant(extent: Any) -> int:
    """The value of a constant extent; 0 for a symbolic one."""
    return int(extent.value) if type(extent).__name__ == "IntImm" else 0


def _item_bytes(dtype: str) -> int:
    return max(1, int(tvm.DataType(dtype).bits) // 8)
