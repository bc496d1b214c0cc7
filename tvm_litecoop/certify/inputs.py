"""The inputs a program is tried on. Owns their kinds; the same kind and seed give the same arrays in any process.

Floating-point arrays take the values of the kind. Integers of 16 bits and more are 0 and 1 in every kind, because they
may be indices into another argument, and 0 where that has one row; those of 8 bits are arithmetic and take all values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_litecoop.certify.program import Program, Unsupported

LARGE = (1e15, 1e6, 1e2)
"""Standard deviations of large inputs: the first that leaves the results finite is used."""


@dataclass(frozen=True)
class Kind:
    """One kind of inputs.

    Attributes:
        name: As shown.
        special: NaN or an infinity arises, in the inputs or on the way.
        scale: Standard deviation where it is not 1.
    """

    name: str
    special: bool = False
    scale: float = 1.0


RANDOM, POSITIVE = Kind("random"), Kind("positive")
KINDS = (
    RANDOM,
    POSITIVE,
    Kind("negative"),
    Kind("zeros"),
    Kind("ones"),
    Kind("denormal"),
    Kind("overflow", special=True),
    Kind("infinity", special=True),
    Kind("NaN", special=True),
)
"""All but the large ones, whose scale hangs on the program."""


def arrays(program: Program, kind: Kind, seed: int = 1) -> list[Any]:
    """An array for every argument; those that are written hold random numbers, which must be gone afterwards."""
    rng = np.random.default_rng(seed)
    found = []
    for number, (shape, dtype) in enumerate(program.arguments):
        normal = rng.standard_normal(shape, dtype=np.float32)
        array = _array(normal, dtype, RANDOM if number in program.outputs else kind, rng)
        if program.single_row and array.dtype.kind in "iu" and array.itemsize > 1:
            array = np.zeros_like(array)
        found.append(array)
    return found


def nudged(inputs: Sequence[Any], program: Program, seed: int = 2) -> list[Any]:
    """The same inputs, changed in the last place: what that does to a result is no error of a kernel."""
    rng = np.random.default_rng(seed)
    changed = []
    for number, array in enumerate(inputs):
        if number in program.outputs or not _is_float(array.dtype):
            changed.append(array)
            continue
        unit = rng.integers(-1, 2, size=array.shape) * precision(str(array.dtype))
        changed.append((array.astype(np.float64) * (1.0 + unit)).astype(array.dtype))
    return changed


def precision(dtype: str) -> float:
    """The distance of 1 to the next number of a floating-point type."""
    return float(_limits(dtype).eps)


def smallest_normal(dtype: str) -> float:
    """Numbers below this may be taken for 0 by a machine."""
    return float(_limits(dtype).smallest_normal)


def _array(normal: Any, dtype: str, kind: Kind, rng: np.random.Generator) -> Any:
    real = np.dtype(dtype)
    if not _is_float(real):
        return _integers(normal.shape, real, kind, rng)
    limits = _limits(dtype)
    values = normal.astype(np.float64)
    if kind.name in ("positive", "negative"):  # roots and logarithms want the former
        values = np.abs(values) if kind.name == "positive" else -np.abs(values)
    elif kind.name in ("zeros", "ones"):
        values = np.full_like(values, kind.name == "ones")
    elif kind.name == "denormal":
        values *= 1e-2 * float(limits.smallest_normal)
    elif kind.name == "overflow":
        values = np.full_like(values, 0.9 * float(limits.max))  # one value: which sums overflow hangs on no order
    elif kind.scale != 1.0:
        values = np.clip(values * kind.scale, 0.5 * float(limits.min), 0.5 * float(limits.max))
    elif kind.special and values.size:
        values.flat[rng.integers(values.size)] = np.nan if kind.name == "NaN" else np.inf
    return values.astype(real)


def _integers(shape: tuple[int, ...], real: Any, kind: Kind, rng: np.random.Generator) -> Any:
    if kind.name in ("zeros", "ones"):
        return np.full(shape, kind.name == "ones", real)
    if real.itemsize == 1 and real.kind in "iu":
        limits = np.iinfo(real)
        return rng.integers(limits.min, limits.max, size=shape, endpoint=True).astype(real)
    return rng.integers(0, 2, size=shape).astype(real)


def _is_float(real: Any) -> bool:
    return bool(real.kind == "f" or real.name == "bfloat16")


def _limits(dtype: str) -> Any:
    if dtype != "bfloat16":
        if np.dtype(dtype).kind != "f":
            raise Unsupported(f"nothing is known of {dtype}")
        return np.finfo(dtype)
    import ml_dtypes

    return ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
