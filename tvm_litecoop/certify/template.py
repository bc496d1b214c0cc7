"""The text of an ejected file. Names between `@` are filled in by `eject`."""

from __future__ import annotations

HEADER = '"""A tuned TVM kernel, written by litecoop eject.'

FILE = '''@HEADER@ Needs TVM alone.

Arguments: @TITLE@
Schedule:  @WHICH@; made with TVM @VERSION@

`build()` gives the compiled kernel. Run as a script, this file builds it, compares its results with the untuned
program's on random inputs, and times both.
"""

import json  # noqa: F401
import os
import statistics
import sys

@THREADS@  # TVM's own count leaves out half the processors of x86

import numpy as np
import tvm
import tvm_ffi
from tvm.s_tir import Schedule
from tvm.s_tir.schedule import Trace  # noqa: F401
@INTRINSICS@
TARGET = tvm.target.Target(@TARGET@)
SCHEDULED_HASH = @HASH@
"""Structural hash of the scheduled module."""

@PROGRAM@


def schedule() -> Schedule:
    """The untuned program with the tuned schedule applied."""
@SCHEDULE@

def build():
    """The compiled kernel."""
    return tvm.compile(schedule().mod, target=TARGET)


@CHECK@

if __name__ == "__main__":
    sys.exit(main())
'''

CHECK = '''ARGUMENTS = @ARGUMENTS@
OUTPUTS = @OUTPUTS@
TOLERANCES = @TOLERANCES@
"""Of each output: relative, in units of the largest result, and the share that rounding may put off by one."""


def arguments(seed: int = 0) -> list:
    """Random arrays: floats are normal, 8-bit integers take all values, others (they may be indices) @INDICES@."""
    rng = np.random.default_rng(seed)
    found = []
    for shape, dtype in ARGUMENTS:
        if dtype == "bfloat16":
            import ml_dtypes  # noqa: F401
        kind = np.dtype(dtype)
        if kind.kind in "iub":
            low, high = (np.iinfo(kind).min, np.iinfo(kind).max + 1) if dtype in ("int8", "uint8") else (0, @END@)
            found.append(rng.integers(low, high, size=shape).astype(kind))
        else:
            found.append(rng.standard_normal(shape, dtype=np.float32).astype(kind))
    return found


def compare(got, expected, rtol: float, atol: float, rare: float) -> None:
    """See that results agree as far as is allowed; NaN and infinities must be the same."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    with np.errstate(invalid="ignore"):
        rounded = np.abs(got - expected) == 1.0
    if rare and np.count_nonzero(rounded) <= max(1.0, rare * rounded.size):
        got = np.where(rounded, expected, got)
    largest = np.abs(expected).max(initial=0.0, where=np.isfinite(expected))
    np.testing.assert_allclose(got, expected, rtol, atol * largest)


def main() -> int:
    """Build, compare, time in turns."""
    assert tvm_ffi.structural_hash(schedule().mod) == SCHEDULED_HASH, "this TVM makes another schedule of it"
    kernels = [build(), tvm.compile(Module, target=TARGET)]
    calls = [[tvm.runtime.tensor(array) for array in arguments()] for _ in kernels]
    for kernel, args in zip(kernels, calls):
        kernel["main"](*args)
    for number, allowed in zip(OUTPUTS, TOLERANCES):
        compare(*(args[number].numpy() for args in calls), *allowed)
    timers = [kernel.jit().time_evaluator("main", tvm.cpu(), 1, 1, min_repeat_ms=30) for kernel in kernels]
    rounds = [[timer(*args).mean for timer, args in zip(timers, calls)] for _ in range(5)]
    tuned, untuned = (statistics.median(column) * 1e3 for column in zip(*rounds))
    print(f"right; tuned {tuned:.4f} ms, untuned {untuned:.4f} ms")
    return 0
'''

NO_CHECK = '''def main() -> int:
    """Build; this file has no check for its target, its arguments or its sums."""
    assert tvm_ffi.structural_hash(schedule().mod) == SCHEDULED_HASH, "this TVM makes another schedule of it"
    build()
    print("built, not run")
    return 0
'''
