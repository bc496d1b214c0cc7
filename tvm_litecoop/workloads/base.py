"""What a workload is: one function to tune, its inputs, and the answer it must give.

Owns the value `Workload` and how one is made from `te` tensors. The families live in
the files beside this one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tvm
from tvm import te
from tvm.s_tir.analysis import estimate_tir_flops

from ..errors import WorkloadError

Array = npt.NDArray[Any]
Reference = Callable[[Sequence[Array]], Array]

MAX_BYTES = 4 << 30
"""No workload may hold more: arguments, and the intermediate arrays of the untuned program."""

MAIN = "main"


@dataclass(frozen=True)
class Workload:
    """One function to tune, with inputs to run it on and the output to expect.

    Attributes:
        name: The family, for example "matmul"; for a user's file the attribute's name.
        spec: The text that `parse` turns into this workload, for example "matmul:512x512x512".
        mod: IRModule with one PrimFunc "main" whose parameters are static buffers, the output last.
        flops: Arithmetic operations of one run as TVM counts them (`estimate_tir_flops`): one each for a
            floating-point add, subtract, multiply, divide and maximum, so a multiply-accumulate is two; calls
            such as exp count none. These are the figures MetaSchedule's own tables divide by.
        scales: Standard deviation of each float input, chosen so that outputs are O(1).
        reference: The inputs -> the expected output, in numpy; None where nobody wrote one.
        rtol: Relative tolerance of the output against `reference`; 1e-4 for float32.
        atol: Absolute tolerance, for outputs that cancel to near 0; see `dot_atol`.

    Raises:
        WorkloadError: There is no parameter, one of them is no static buffer, or the arrays pass `MAX_BYTES`.
    """

    num_outputs: ClassVar[int] = 1

    name: str
    spec: str
    mod: Any = field(repr=False, compare=False)
    flops: int
    scales: tuple[float, ...]
    reference: Reference | None = field(default=None, repr=False, compare=False)
    rtol: float = 0.0
    atol: float = 0.0

    def __post_init__(self) -> None:
        func = self.mod[MAIN]
        if len(func.params) < self.num_outputs:
            raise WorkloadError(f"{self.spec}: the function has no parameters", "its last one must be the output")
        args = self.arg_shapes()
        local = [_static(buffer, self.spec) for buffer in func.body.block.alloc_buffers]
        total = sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in args + local)
        if total > MAX_BYTES:
            raise WorkloadError(
                f"{self.spec}: its arrays need {total / 2**30:.1f} GiB, the limit is {MAX_BYTES >> 30} GiB",
                "choose a smaller shape",
            )

    def arg_shapes(self) -> list[tuple[tuple[int, ...], str]]:
        """Shape and dtype of every parameter of "main", in call order, outputs last."""
        return [_static(buffer, self.spec) for buffer in self.mod[MAIN].params]

    def inputs(self, seed: int) -> list[Array]:
        """Draws the input arrays: the same seed gives the same arrays, in any process.

        Float arrays are normal with the standard deviations `scales`. Integer arrays hold 0 and 1 only: they
        may be indices into another argument, and a random index would read outside of it.
        """
        rng = np.random.default_rng(seed)
        specs = self.arg_shapes()[: -self.num_outputs]
        return [_draw(rng, shape, dtype, scale) for (shape, dtype), scale in zip(specs, self.scales, strict=True)]


def from_te(
    spec: str,
    tensors: Sequence[Any],
    *,
    reference: Reference,
    scales: Sequence[float],
    atol: float,
    rtol: float = 1e-4,
) -> Workload:
    """Makes a workload of `te` tensors.

    Args:
        spec: The text that `parse` turns into it; what is before the colon is its name.
        tensors: The placeholders in call order, then the output.
        reference: The inputs -> the expected output, in numpy.
        scales: Standard deviation of each float input.
        atol: Absolute tolerance; `dot_atol` for sums of products.
        rtol: Relative tolerance.

    Raises:
        WorkloadError: The arrays pass `MAX_BYTES`.
    """
    mod = tvm.IRModule({MAIN: te.create_prim_func(list(tensors))})
    flops = int(estimate_tir_flops(mod))
    return Workload(spec.partition(":")[0], spec, mod, flops, tuple(scales), reference, rtol, atol)


def dot_atol(terms: int) -> float:
    """Absolute tolerance of a float32 sum of `terms` products whose result is O(1).

    Each of the n additions rounds a partial sum of at most O(1) by half an ulp at random, so the error is
    about eps·sqrt(n)/5; four times eps·sqrt(n) leaves room for the largest of many outputs. A wrong program
    is off by O(1).
    """
    return max(1e-5, 4.0 * float(np.finfo(np.float32).eps) * math.sqrt(terms))


def _static(buffer: Any, spec: str) -> tuple[tuple[int, ...], str]:
    """Shape and dtype of a TIR buffer, or a WorkloadError where they are not known before the run."""
    shape = getattr(buffer, "shape", None)
    if shape is None:
        raise WorkloadError(f"{spec}: parameter {buffer} is a scalar", "every parameter must be a buffer")
    try:
        np.dtype(str(buffer.dtype))
        return tuple(int(extent) for extent in shape), str(buffer.dtype)
    except TypeError:
        raise WorkloadError(
            f"{spec}: array {buffer} has shape {tuple(map(str, shape))} and dtype {buffer.dtype}",
            "shapes must be constants and dtypes ones that numpy has",
        ) from None


def _draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, scale: float) -> Array:
    kind = np.dtype(dtype)
    if kind.kind in "iub":
        return rng.integers(0, 2, size=shape).astype(kind)
    # Drawn in float32 whatever the dtype, so that a workload's data do not change with its precision.
    return np.asarray(rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)).astype(kind)
