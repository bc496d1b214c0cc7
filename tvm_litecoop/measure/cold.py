"""Kernels timed as a large model runs them: with weights that no cache has kept since the last run.

Weights that do not fit the last-level cache all together come from memory in every run of the model, while a kernel
that is timed again and again finds its own in the cache. Which schedule is fastest may hang on it. TVM's runners have a
switch for this (`EvaluatorConfig.enable_cpu_cache_flush`), for all arguments but the first; here it is for the weights
alone, because the other arguments were computed just before. The builder knows which these are and notes it beside the
artifact.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tvm
import tvm_ffi

from tvm_litecoop.measure.timing import Clock

MARK = "layout_free_buffers"
"""Attribute of a kernel: the positions of its constant weights (`relax.transform.AttachAttrLayoutFreeBuffers`)."""
FILE = "cold.json"
"""Beside an artifact: the positions of its cold arguments."""
MOST_CALLS = 1000
"""Of a repeat; a call of a kernel that short costs more to prepare than to time."""
MOST_S = 0.5
"""Of repeats that are timed together, with the flushes between their calls: that of an embedding's whole table takes
far longer than the kernel, which reads some rows of it."""
CHILL = "tvm_litecoop.measure.chill"


def weights_of(mod: Any) -> list[int]:
    """The positions of the constant weights among the arguments of a kernel; none where they are not marked."""
    marked = [func.attrs[MARK] for func in mod.functions.values() if func.attrs and MARK in func.attrs]
    return [int(position) for positions in marked for position in positions]


def note(artifact: str, positions: Sequence[int]) -> None:
    """Say beside an artifact which of its arguments are cold."""
    Path(artifact).with_name(FILE).write_text(json.dumps(list(positions)))


def noted(artifact: str) -> list[int]:
    """What was said beside an artifact; nothing where nothing was."""
    file = Path(artifact).with_name(FILE)
    return list(json.loads(file.read_text())) if file.exists() else []


def cold_clock(module: Any, device: Any, args: Sequence[Any], positions: Sequence[int]) -> Clock:
    """A clock of calls that each find the arguments at these positions in no cache; a CPU's alone."""
    flush = tvm.get_global_func("cache_flush_cpu_non_first_arg")

    def chill(*given: Any) -> None:
        flush(given[0], *(given[position] for position in positions))

    call_s = 0.0  # with what is done before it

    def clock(number: int, repeat: int, min_ms: float) -> list[float]:
        nonlocal call_s
        tvm_ffi.register_global_func(CHILL, chill, override=True)
        while True:
            most = max(1, min(MOST_CALLS, int(MOST_S / repeat / call_s))) if call_s else MOST_CALLS
            number = min(number, most)
            calls = number * repeat
            evaluator = module.time_evaluator(module.entry_name, device, number=1, repeat=calls, f_preproc=CHILL)
            device.sync()
            began = time.perf_counter()
            runs = [float(seconds) for seconds in evaluator(*args).results]
            call_s = (time.perf_counter() - began) / (calls + 1)  # one is not timed
            wanted = math.ceil(number * repeat * min_ms / 1e3 / max(sum(runs), 1e-9))
            if wanted <= number or number >= most:
                return [statistics.fmean(runs[at : at + number]) for at in range(0, calls, number)]
            number = wanted

    return clock
