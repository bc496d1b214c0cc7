"""Replaying, building, running and timing kernels, in the process that calls."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import tvm
from tvm.s_tir import Schedule
from tvm.s_tir.meta_schedule.database import TuningRecord, Workload

from tvm_litecoop.certify.program import MAIN

Timer = Callable[[], float]
"""Seconds per run, measured when it is called."""

ROUNDS = (3, 10)
"""Rounds of timing, fewest and most."""
REPEATS, REPEAT_MS = 3, 10
"""Timings of a kernel in a round, and milliseconds of each; a kernel that takes longer for one run is timed once."""
TIMING_S = 2.0
"""Seconds after which no further round is begun, for a few kernels."""


def module_of(workload: str) -> Any:
    """The untuned module of a workload's line."""
    return Workload.from_json(json.loads(workload)).mod


def target_of(target: str) -> Any:
    """The TVM target of its JSON."""
    return tvm.target.Target(json.loads(target))


def schedule_of(workload: str, record: str) -> Any:
    """The schedule that a record's line makes of its workload.

    Raises:
        Exception: Whatever TVM says where the trace does not fit the program, or this TVM.
    """
    if "ensorize" in record:
        from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics

        load_tensor_intrinsics()
    entry = Workload.from_json(json.loads(workload))
    schedule = Schedule(entry.mod)
    TuningRecord.from_json(json.loads(record)[1], entry).trace.apply_to_schedule(schedule, remove_postproc=False)
    return schedule


def compiled(module: Any, target: Any) -> Any:
    """The runtime module of a scheduled (or untuned) module."""
    return tvm.compile(module, target=target).jit()


def run(kernel: Any, inputs: Sequence[Any], outputs: Sequence[int]) -> list[Any]:
    """One call; the arrays that are written, by their place in the call."""
    args = [tvm.runtime.tensor(array) for array in inputs]
    kernel[MAIN](*args)
    return [args[number].numpy() for number in outputs]


def in_turns(kernels: Sequence[Any], inputs: Sequence[Any]) -> list[list[float]]:
    """Seconds per run of each kernel in each round, on the same arrays."""
    args = [tvm.runtime.tensor(array) for array in inputs]
    return turns([timer(kernel, args) for kernel in kernels])


def turns(timers: Sequence[Timer], limit_s: float = TIMING_S) -> list[list[float]]:
    """What each timer says in each round: all are asked in every round, every other one backwards.

    So none gains from a lucky moment of the machine, nor from standing behind another. Slow ones get fewer rounds: none
    is begun after `limit_s`, once there were enough.
    """
    rows: list[list[float]] = []
    start = time.perf_counter()
    while len(rows) < ROUNDS[0] or (len(rows) < ROUNDS[1] and time.perf_counter() - start < limit_s):
        order = range(len(timers)) if len(rows) % 2 else reversed(range(len(timers)))
        seen = {number: timers[number]() for number in order}
        rows.append([seen[number] for number in range(len(timers))])
    return [list(column) for column in zip(*rows, strict=True)]


def timer(kernel: Any, args: Sequence[Any]) -> Timer:
    """Of a kernel. The fastest repeat of a round counts: what a busy machine adds is not the kernel's."""
    slow = kernel.time_evaluator(MAIN, tvm.cpu(), 1, 1)(*args).mean > REPEAT_MS / 1e3
    evaluator = kernel.time_evaluator(MAIN, tvm.cpu(), 1, 1 if slow else REPEATS, min_repeat_ms=REPEAT_MS)
    return lambda: float(min(evaluator(*args).results))


def medians(kernels: Sequence[Any], inputs: Sequence[Any]) -> list[float]:
    """Median seconds per run of each kernel, timed in turns."""
    return [statistics.median(column) for column in in_turns(kernels, inputs)] if kernels else []
