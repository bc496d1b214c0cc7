"""What a program takes and gives, and what is known of its arithmetic. Reads the untuned program only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

MAIN = "main"
COMM_REDUCE = 2
"""TVM's mark of a reduced axis (`tirx.IterVar.CommReduce`)."""
COARSEST_FIRST = ("bfloat16", "float16", "float32", "float64")
PARTS = ("a", "b", "value", "condition", "true_value", "false_value", "body", "then_case", "else_case")
"""Of statements and expressions."""


class Unsupported(Exception):
    """Why a program cannot be checked, in one line."""


@dataclass(frozen=True)
class Program:
    """Facts of one PrimFunc.

    Attributes:
        arguments: Shape and dtype of every argument, in call order.
        outputs: Which of them are written.
        terms: Values that the longest reduction takes together; 1 without one.
        picks: A reduction takes a maximum, a minimum or the like: what it makes of a NaN hangs on the order.
        branches: It chooses between values, as padding does: a simplifier may drop a product with a known 0.
        single_row: A value that it reads is an index into a dimension of extent 1, where 1 is outside.
        sums_in: The coarsest dtype that a sum is kept in while it grows; empty where nothing is summed.
        summed: Values that the longest sum in that dtype takes together.
        floats: It computes with floating-point numbers, maybe between integers.
    """

    arguments: tuple[tuple[tuple[int, ...], str], ...]
    outputs: tuple[int, ...]
    terms: int
    picks: bool
    branches: bool
    single_row: bool = False
    sums_in: str = ""
    summed: int = 0
    floats: bool = True


def facts(mod: Any) -> Program:
    """The facts of a module's "main".

    Raises:
        Unsupported: An argument is no array of a known shape and dtype, or none is written.
    """
    func = mod[MAIN]
    buffers = list(func.params)
    arguments = tuple(_static(buffer) for buffer in buffers)
    blocks = list(_blocks(func.body))
    written = [_buffer(region) for block in blocks for region in block.writes]
    outputs = tuple(number for number, buffer in enumerate(buffers) if any(buffer.same_as(one) for one in written))
    if not outputs:
        raise Unsupported("no block writes to an argument")
    text, (sums_in, summed) = mod.script(), _coarsest(blocks)
    return Program(
        arguments,
        outputs,
        terms=max(_terms(block) for block in blocks),
        picks=any(block.init is not None and not _sums(block.body) for block in blocks),
        branches=re.search(r"T\.if_then_else\(|T\.Select\(|^ *if ", text, re.MULTILINE) is not None,
        single_row=_looks_up_single_rows(blocks),
        sums_in=sums_in,
        summed=summed,
        floats="float" in text,
    )


def _static(buffer: Any) -> tuple[tuple[int, ...], str]:
    if getattr(buffer, "shape", None) is None:
        raise Unsupported(f"argument {buffer} is a scalar")
    try:
        if str(buffer.dtype) != "bfloat16":
            np.dtype(str(buffer.dtype))
        return tuple(int(extent) for extent in buffer.shape), str(buffer.dtype)
    except TypeError:
        raise Unsupported(f"argument {buffer} is {buffer.dtype} of shape {list(buffer.shape)}") from None


def _blocks(node: Any) -> Iterator[Any]:
    """All blocks below a statement."""
    if hasattr(node, "iter_values"):  # a block's realization
        node = node.block
    if hasattr(node, "iter_vars"):
        yield node
    below = getattr(node, "seq", None) or [getattr(node, name, None) for name in ("body", "then_case", "else_case")]
    for child in below:
        if child is not None:
            yield from _blocks(child)


def _looks_up_single_rows(blocks: Iterable[Any]) -> bool:
    """Whether an index into a dimension of extent 1 is itself read from a buffer."""
    return any(
        hasattr(part, "indices")
        for block in blocks
        for access in _below(block.body)
        if hasattr(access, "indices")
        for index, extent in zip(access.indices, _buffer(access).shape, strict=True)
        if getattr(extent, "value", 0) == 1
        for part in _below(index)
    )


def _below(node: Any) -> Iterator[Any]:
    """A statement or expression and all that it is made of, blocks inside left out."""
    yield node
    parts = [getattr(node, name) for name in PARTS if hasattr(node, name)]
    for several in ("args", "indices", "seq"):
        parts += getattr(node, several, ())
    for part in parts:
        if part is not None and not hasattr(part, "iter_values"):
            yield from _below(part)


def _buffer(region: Any) -> Any:
    return region.source if hasattr(region, "source") else region.buffer  # TVM 0.27, TVM 0.26


def _terms(block: Any) -> int:
    """Values that the reduction of a block takes together."""
    reduced = [var.dom.extent for var in block.iter_vars if int(var.iter_type) == COMM_REDUCE]
    return math.prod(int(extent) for extent in reduced)


def _coarsest(blocks: Iterable[Any]) -> tuple[str, int]:
    """The coarsest floating-point dtype that sums are kept in, and how many values the longest of these takes."""
    longest: dict[str, int] = {}
    for block in blocks:
        if block.init is not None and _sums(block.body):
            for region in block.writes:
                dtype = str(_buffer(region).dtype)
                longest[dtype] = max(_terms(block), longest.get(dtype, 0))
    return next(((dtype, longest[dtype]) for dtype in COARSEST_FIRST if dtype in longest), ("", 0))


def _sums(body: Any) -> bool:
    return type(getattr(body, "value", None)).__name__ in ("Add", "Mul")
