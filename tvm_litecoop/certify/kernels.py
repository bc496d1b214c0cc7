"""Replaying, building, running and timing kernels, in the process that calls."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from tvm.s_tir import Schedule
from tvm.s_tir.meta_schedule.database import TuningRecord, Workload
from tvm.s_tir.transform import RemoveWeightLayoutRewriteBlock
from tvm.support import cc

from tvm_litecoop import fast_math
from tvm_litecoop.certify.program import MAIN
from tvm_litecoop.measure.apart import apart
from tvm_litecoop.tvm_bridge.arguments import args_of

Timer = Callable[[], float]
"""Seconds per run, measured when it is called."""

ROUNDS = (6, 10)
"""Rounds of timing, fewest and most. A kernel as fast as another is ahead in three of three once in eight times."""
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
    """The runtime module of a scheduled (or untuned) module: a library, as runners time it and as it is deployed.

    LLVM's JIT, which stands in where there is no C compiler to link with, makes other code of it: a softmax of 0.42 ms
    took 0.53 ms there.
    """
    built = fast_math.compiled(module, target)
    if cc.get_cc() is None:
        return built.jit()
    with tempfile.TemporaryDirectory(prefix="litecoop-") as folder:
        built.export_library(path := str(Path(folder) / "kernel.so"))
        return tvm.runtime.load_module(path)


def run(kernel: Any, inputs: Sequence[Any], outputs: Sequence[int]) -> list[Any]:
    """One call; the arrays that are written, by their place in the call."""
    args = [tvm.runtime.tensor(array) for array in inputs]
    kernel[MAIN](*args)
    return [args[number].numpy() for number in outputs]


def in_turns(kernels: Sequence[Any], calls: Sequence[Sequence[Any]]) -> list[list[float]]:
    """Seconds per run of each kernel in each round.

    Args:
        kernels: What is timed.
        calls: The arguments of each; the same list for those that share them.
    """
    made = {id(inputs): [tvm.runtime.tensor(array) for array in inputs] for inputs in calls}
    return turns([timer(kernel, made[id(inputs)]) for kernel, inputs in zip(kernels, calls, strict=True)])


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
    clock = kernel.time_evaluator(MAIN, tvm.cpu(), 1, 1 if slow else REPEATS, min_repeat_ms=REPEAT_MS)

    def seconds() -> float:
        with apart():
            return float(min(clock(*args).results))

    return seconds


def packed_ahead(module: Any, target: Any, inputs: Sequence[Any]) -> tuple[Any, Sequence[Any]] | None:
    """What is timed of a scheduled module whose weights the model packs in advance, and its arguments.

    None where there are no such weights: then the kernel itself is timed.
    """
    if not module[MAIN].attrs or "layout_free_buffers" not in module[MAIN].attrs:
        return None
    shapes = [tuple(arg.as_json()[2]) for arg in args_of(module)]
    packed = RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=True)(module)
    return compiled(packed, target), [np.resize(array, shape) for array, shape in zip(inputs, shapes, strict=True)]


def medians(kernels: Sequence[Any], calls: Sequence[Sequence[Any]]) -> list[float]:
    """Median seconds per run of each kernel, timed in turns."""
    return [statistics.median(column) for column in in_turns(kernels, calls)] if kernels else []
