"""A compiled model at work: called, compared, and timed in turns with others."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tvm
from tvm import relax

from tvm_litecoop.model_files.model import MAIN, Array

RTOL, ATOL = 1e-3, 1e-4
"""An output may be off by so much of itself, and by so much of the largest of its array."""
ROUNDS = (5, 30)
"""Rounds of timing, fewest and most."""
TIMING_S = 10.0
"""Seconds after which no further round is begun, once there were enough."""
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
    """The largest deviation in units of what is allowed; infinite where shapes, NaN or infinities differ."""
    if len(got) != len(expected):
        return float("inf")
    return max((_off(one, other) for one, other in zip(got, expected, strict=True)), default=0.0)


def _off(got: Array, expected: Array) -> float:
    mine, other = np.asarray(got), np.asarray(expected)
    if mine.shape != other.shape:
        return float("inf")
    if other.dtype.kind in "iub":
        return 0.0 if np.array_equal(mine, other) else float("inf")
    mine, other = mine.astype(np.float64), other.astype(np.float64)
    finite = np.isfinite(other)
    if not np.array_equal(np.isfinite(mine), finite) or not np.array_equal(
        mine[~finite], other[~finite], equal_nan=True
    ):
        return float("inf")
    mine, other = mine[finite], other[finite]
    allowed = RTOL * np.abs(other) + ATOL * np.abs(other).max(initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(mine - other) / allowed
    return float(np.nan_to_num(off, nan=0.0, posinf=np.inf).max(initial=0.0))


def in_turns(calls: Sequence[Call]) -> list[list[float]]:
    """Seconds per run of each program in each round: all are timed in every round, every other one backwards."""
    numbers = [max(1, round(ROUND_S / _seconds(call, 1))) for call in calls]  # the first call also warms up
    rows: list[list[float]] = []
    start = time.perf_counter()
    while len(rows) < ROUNDS[0] or (len(rows) < ROUNDS[1] and time.perf_counter() - start < TIMING_S):
        order = range(len(calls)) if len(rows) % 2 else reversed(range(len(calls)))
        seen = {number: _seconds(calls[number], numbers[number]) for number in order}
        rows.append([seen[number] for number in range(len(calls))])
    return [list(column) for column in zip(*rows, strict=True)]


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
    else:
        for one in value:
            yield from _leaves(one)
