"""Whether a tuned kernel is right, and how fast it really is.

Nobody is told that a kernel is faster before its numbers were compared with the untuned program's reference. The
final timing runs all kernels in turns, so that none gains from a lucky moment of the machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm

from tvm_litecoop.tuning.session import Session
from tvm_litecoop.workloads import Workload

ROUNDS = 7
ROUND_MS = 40


@dataclass(frozen=True)
class Verdict:
    """Whether a kernel's output equals the reference.

    Attributes:
        correct: Every element is within tolerance.
        worst: Largest deviation in units of the tolerance `atol + rtol * |expected|`; infinite where only one of the
            two is NaN, or one is another infinity.
    """

    correct: bool
    worst: float


def check_and_time(sessions: Sequence[Session], workload: Workload, target: Any) -> None:
    """Numbers first, then time: only kernels that are right are timed together. Writes to the outcomes."""
    right = []
    for found in sessions:
        if found.schedule is None or target.kind.name != "llvm":
            found.outcome.unchecked = "no kernel" if found.schedule is None else f"no check on {target.kind.name} yet"
            continue
        kernel = compiled(found.schedule.mod, target)
        said = verdict(kernel, workload, target, seed=found.outcome.seed)
        found.outcome.correct, found.outcome.worst_error = said.correct, said.worst
        if said.correct:
            right.append((found.outcome, kernel))
    for (outcome, _), seconds in zip(
        right, time_together([kernel for _, kernel in right], workload, seed=1), strict=True
    ):
        outcome.final_s = seconds


def compiled(module: Any, target: Any) -> Any:
    """The runtime module of a scheduled (or untuned) module."""
    return tvm.compile(module, target=target).jit()


def verdict(kernel: Any, workload: Workload, target: Any, seed: int) -> Verdict:
    """Compare one run on random inputs with the reference (the untuned program where the workload has none)."""
    inputs = workload.inputs(seed)
    got = _run(kernel, workload, inputs)
    if workload.reference is not None:
        expected = workload.reference(inputs)
    else:
        expected = _run(compiled(workload.mod, target), workload, inputs)
    worst = deviation(got, expected, workload.rtol, workload.atol)
    return Verdict(worst <= 1.0, worst)


def deviation(got: Any, expected: Any, rtol: float, atol: float) -> float:
    """Largest difference of two arrays in units of `atol + rtol * |expected|`; equal NaN and infinities agree."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        off = np.abs(got - expected) / (atol + rtol * np.abs(expected))
    off = np.where(same, 0.0, np.where(np.isfinite(off) & np.isfinite(expected), off, np.inf))
    return float(off.max(initial=0.0))


def time_together(kernels: Sequence[Any], workload: Workload, seed: int) -> list[float]:
    """Median seconds per run of each kernel, timed in turns over several rounds.

    Args:
        kernels: Compiled kernels of the same workload.
        workload: Supplies the inputs.
        seed: Of the inputs.
    """
    device = tvm.cpu()
    args = [tvm.runtime.tensor(a) for a in (*workload.inputs(seed), _output(workload))]
    timers = [kernel.time_evaluator("main", device, number=1, repeat=1, min_repeat_ms=ROUND_MS) for kernel in kernels]
    rounds = [[timer(*args).mean for timer in timers] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def _run(kernel: Any, workload: Workload, inputs: Sequence[Any]) -> Any:
    args = [tvm.runtime.tensor(a) for a in (*inputs, _output(workload))]
    kernel["main"](*args)
    return args[-1].numpy()


def _output(workload: Workload) -> Any:
    shape, dtype = workload.arg_shapes()[-1]
    return np.zeros(shape, dtype)
