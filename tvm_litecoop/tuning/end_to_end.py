"""A compiled model at work: called, compared, and timed in turns with others."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tvm
from tvm import relax

from tvm_litecoop.certify.equality import tolerance
from tvm_litecoop.model_files.model import MAIN, Array

RTOL, ATOL = 1e-3, 1e-4
"""An output may be off by so much of itself, and by so much of the largest of its array; more, where one kernel may."""
ROUNDS = (3, 30)
"""Rounds of timing, fewest and most."""
TIMING_S = 10.0
"""Seconds of timing after which no further round is begun, once there were enough."""
LONG_S = 0.5
"""A program that takes longer, as untuned models may, is timed in the first rounds alone."""
ROUND_S = 0.05
"""Seconds of each program in a round, at least; one that takes longer is called once."""

Call = Callable[[], Any]


class Running:
    """A compiled model in this process.

    Args:
        executable: A `relax.VMExecutable`, or the module of a file.
    """

    def __init__(self, executable: Any) -> None:
        self._machine = relax.VirtualMachine(executable, tvm.cpu())

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """The outputs, in order, whatever they are nested in."""
        return list(_leaves(self._machine[MAIN](*map(tvm.runtime.tensor, inputs))))

    def calling(self, inputs: Sequence[Array]) -> Call:
        """One run on inputs that are in place."""
        function, tensors = self._machine[MAIN], [tvm.runtime.tensor(array) for array in inputs]
        return lambda: function(*tensors)


def deviation(got: Sequence[Array], expected: Sequence[Array]) -> float:
    """The largest deviation in units of what is `allowed`; infinite where shapes, NaN or infinities differ."""
    if len(got) != len(expected):
        return float("inf")
    return max((_off(one, other) for one, other in zip(got, expected, strict=True)), default=0.0)


def _off(got: Array, expected: Array) -> float:
    mine, other = np.asarray(got), np.asarray(expected)
    if mine.shape != other.shape:
        return float("inf")
    rtol, atol = _tolerance(str(other.dtype))
    if not rtol:
        return 0.0 if np.array_equal(mine, other) else float("inf")
    mine, other = mine.astype(np.float64), other.astype(np.float64)
    finite = np.isfinite(other)
    if not np.array_equal(np.isfinite(mine), finite) or not np.array_equal(
        mine[~finite], other[~finite], equal_nan=True
    ):
        return float("inf")
    mine, other = mine[finite], other[finite]
    largest = np.abs(other).max(initial=0.0) or 1.0  # of zeros nothing says how large their terms were
    return float((np.abs(mine - other) / (rtol * np.abs(other) + atol * largest)).max(initial=0.0))


def allowed(expected: Sequence[Array]) -> str:
    """How far outputs may be off, in words."""
    said = []
    for dtype in dict.fromkeys(str(one.dtype) for one in expected):
        rtol, atol = _tolerance(dtype)
        said.append(f"{dtype}: rtol {rtol:.2g}, and {atol:.2g} of the largest" if rtol else f"{dtype}: exactly")
    return "; ".join(said)


def _tolerance(dtype: str) -> tuple[float, float]:
    """Of the output itself, and of the largest: for a model, whose kernels each add an error, at least `RTOL, ATOL`."""
    kernel = tolerance(dtype, 1)
    return (max(RTOL, kernel.rtol), max(ATOL, kernel.atol)) if kernel.rtol else (0.0, 0.0)


def in_turns(calls: Sequence[Call]) -> list[list[float]]:
    """Seconds per run of each program, round by round; every other round goes backwards.

    Programs that take long are in the first rounds alone, so columns differ in length and not in order.
    """
    first = [_seconds(call, 1) for call in calls]  # also warms up
    numbers = [max(1, round(ROUND_S / seconds)) for seconds in first]
    columns: list[list[float]] = [[] for _ in calls]
    spent_s = 0.0
    for turn in range(ROUNDS[1]):
        if turn >= ROUNDS[0] and (spent_s > TIMING_S or min(first) > LONG_S):
            break
        order = range(len(calls)) if turn % 2 else reversed(range(len(calls)))
        for one in order:
            if turn < ROUNDS[0] or first[one] <= LONG_S:
                columns[one].append(_seconds(calls[one], numbers[one]))
                spent_s += columns[one][-1] * numbers[one] if first[one] <= LONG_S else 0.0
    return columns


def middle(seconds: Sequence[float]) -> tuple[float, float, float]:
    """The median, and the range of the middle nine tenths of the rounds."""
    low, high = np.quantile(seconds, [0.05, 0.95])
    return statistics.median(seconds), float(low), float(high)


def _seconds(call: Call, number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return max(1e-9, (time.perf_counter() - start) / number)


def _leaves(value: Any) -> Any:
    if hasattr(value, "numpy"):
        yield value.numpy()
    elif isinstance(value, Sequence):
        for one in value:
            yield from _leaves(one)
