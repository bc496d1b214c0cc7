"""What counts as equal. The only place that says so, but for the gist of it in ejected files (`template.py`).

**Finite results** agree within `atol + rtol * |expected|`. `rtol` is 1e-4 for float32 (1e-9 float64, 1e-2 float16, 4e-2
bfloat16). A sum that cancels has an error in units of its terms, not of its result, so
`atol` is in units of the largest result: 4 eps sqrt(n) of it for sums of n terms, where eps is that of the numbers the
sum is kept in while it grows, at least 4 eps of the result's own and a tenth of `rtol`. Results below the smallest
normal number may be flushed to 0, and on inputs that are below it all terms of a sum. Sums that are kept in so coarse a
type that one of ones stops growing (beyond 2048 terms in float16, 256 in bfloat16) hang on their order alone: nothing
is said of these.

**Integers** agree exactly. Where floating-point numbers are rounded or compared to give them, some lie on the edge and
fall to either side: places where the results differ are forgiven if they are few (one in ten thousand, or eight times
those that change with the inputs' last place) and differ by no more than 1, or what such a change brings about; inputs
with NaN, infinities or overflow, for which a conversion is not defined, need only leave the kernel running.

**Ill-conditioned results** do not make a kernel wrong: before it is called so, the untuned program is run on the
same inputs changed in the last place, and what that does to its results, eight times over, is forgiven.

**NaN and infinities** must be the same ones in the same places, with these exceptions:
- sums that overflow may do so in another order: there an infinity and a NaN count as the same;
- where the program chooses between values (padding, `Select`), TVM may drop a product with a known 0: such a program
  must agree where the untuned one gives a finite number, and may give anything elsewhere;
- a maximum or minimum over many values answers a NaN by their order, which a schedule may change: for such a
  program, inputs with NaN, infinities or overflow, and others that lead to NaN, need only leave it running; where
  others lead to infinities, it must agree wherever the untuned one gives a finite number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_litecoop.certify.inputs import Kind, precision, smallest_normal
from tvm_litecoop.certify.program import Program, Unsupported

RTOL = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 4e-2}
FORGIVEN = 8.0
AT_ONCE = 1 << 22
"""Elements whose differences are in memory at once."""
RARE = 1e-4
"""Share of integers that may be rounded or compared otherwise."""


@dataclass(frozen=True)
class Tolerance:
    """How far results may be off: `floor + (atol * largest) + rtol * |expected|`.

    Attributes:
        rtol: In units of the expected result.
        atol: In units of the largest result.
        floor: In units of the result itself, for what is flushed to 0; for every term of a sum of such.
    """

    rtol: float
    atol: float
    floor: float


def tolerance(dtype: str, terms: int, sums_in: str = "") -> Tolerance:
    """For results of a dtype that are sums of so many terms, kept in that dtype while they grow (by default their own).

    Raises:
        Unsupported: No tolerance is known for the dtype.
    """
    if np.dtype(dtype).kind in "iub":
        return Tolerance(0.0, 0.0, 0.0)
    if dtype not in RTOL:
        raise Unsupported(f"no tolerance is known for {dtype}")
    rounding = precision(sums_in or dtype) * math.sqrt(terms)
    atol = max(0.1 * RTOL[dtype], 4.0 * max(rounding, precision(dtype)))
    return Tolerance(RTOL[dtype], atol, smallest_normal(dtype))


def tolerances(program: Program) -> list[Tolerance]:
    """For each output of a program.

    Raises:
        Unsupported: No tolerance is known for one, or a sum stops growing before its last term.
    """
    check_sums(program)
    return [tolerance(program.arguments[number][1], program.terms, program.sums_in) for number in program.outputs]


def check_sums(program: Program) -> None:
    """See that no sum stops growing before its last term.

    Raises:
        Unsupported: One does.
    """
    most = 2.0 / precision(program.sums_in) if program.sums_in else math.inf
    if program.summed > most:
        said = f"it sums {program.summed:,} values in {program.sums_in}, which {most:,.0f} ones fill"
        raise Unsupported(f"{said}: use float32")


def worst(got: Any, expected: Any, allowed: Tolerance, kind: Kind, program: Program, forgiven: float = 0.0) -> float:
    """Largest deviation in units of the tolerance, over all elements that are compared; above 1 is wrong.

    Args:
        got: Results of the kernel.
        expected: Results of the untuned program.
        allowed: The tolerance.
        kind: What the inputs were.
        program: What is known of the program.
        forgiven: Added to the tolerance of every element.
    """
    rounded = program.floats and np.asarray(expected).dtype.kind in "iub"
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    finite = np.isfinite(expected)
    if rounded and kind.special:
        return 0.0
    special = kind.special or not finite.all()
    if program.picks and (kind.special or np.isnan(expected).any()):
        return 0.0
    if special and (program.branches or program.picks):
        compared = finite & np.isfinite(got) if kind.name == "overflow" else finite
        got, expected = got[compared], expected[compared]
    elif kind.name == "overflow":
        got, expected = (np.where(np.isfinite(values), values, np.inf) for values in (got, expected))
    largest = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    floor = allowed.floor * (program.terms if kind.name == "denormal" else 1)
    return deviation(got, expected, allowed.rtol, floor + allowed.atol * largest + forgiven)


def on_edges(got: Any, expected: Any, nudged: Any) -> float:
    """How far integers are off that floating-point numbers were rounded or compared to; above 1 is wrong.

    Args:
        got: Results of the kernel.
        expected: Results of the untuned program.
        nudged: The same, of inputs changed in the last place.
    """
    got, expected, nudged = (np.asarray(values, np.float64) for values in (got, expected, nudged))
    off, moved = np.abs(got - expected), np.abs(nudged - expected)
    if off.max(initial=0.0) > max(1.0, moved.max(initial=0.0)):
        return math.inf
    allowed = max(FORGIVEN * np.count_nonzero(moved), RARE * off.size)
    return float(np.count_nonzero(off) / allowed) if off.any() else 0.0


def deviation(got: Any, expected: Any, rtol: float, atol: float) -> float:
    """Largest difference of two arrays in units of `atol + rtol * |expected|`; equal NaN and infinities agree."""
    got, expected = (np.ravel(values) for values in np.broadcast_arrays(got, expected))
    parts = (slice(start, start + AT_ONCE) for start in range(0, expected.size, AT_ONCE))
    return max((_deviation(got[part], expected[part], rtol, atol) for part in parts), default=0.0)


def _deviation(got: Any, expected: Any, rtol: float, atol: float) -> float:
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        off = np.abs(got - expected) / (atol + rtol * np.abs(expected))
    off = np.where(same, 0.0, np.where(np.isfinite(off) & np.isfinite(expected), off, np.inf))
    return float(off.max(initial=0.0))
