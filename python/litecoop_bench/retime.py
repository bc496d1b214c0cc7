"""The kernels of all cells, checked and timed together at the end, so that no arm gains from a lucky moment.

In processes of each workload, where the library is timed in turns with them: a kernel that crashes costs its workload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litecoop_bench import process
from litecoop_bench.arms import ARMS
from litecoop_bench.grid import Cell
from tvm_litecoop.intervals import geometric_mean

LIBRARY = "library"
"""The pseudo-arm of the library; it has one cell a workload, with seed 0."""
LIMIT_S = 3600
PROCESSES = 3
"""Of a workload, one after the other: which of two kernels is faster may hang on the process (docs/results.md)."""
TIMING_S = 20.0
"""Of a process, after which no further round of turns is begun: a benchmark has dozens of kernels."""


def retime(cells: Sequence[Cell], folder: Path) -> dict[Cell, dict[str, Any]]:
    """Compile the best schedule of each cell, check its numbers, and time all of one workload in turns.

    Args:
        cells: The finished ones.
        folder: Where their databases are.

    Returns:
        For each cell, and for the library on each workload, `correct`, `final_ms` and `peak_share` (of the machine's
        arithmetic, `Machine.peak_gflops`; None where that is unknown), geometric means over the processes, and
        `final_each_ms`, the times of these; or `error`.
    """
    found: dict[Cell, dict[str, Any]] = {}
    for workload in dict.fromkeys(cell.workload for cell in cells):
        mine = [cell for cell in cells if cell.workload == workload]
        library = Cell(workload, LIBRARY, 0, 0)
        asked = [{"folder": str(folder / cell.name), "fast": ARMS[cell.arm].fast_math} for cell in mine]
        job = {"workload": workload, "cells": asked}
        answers: list[dict[str, Any]] = []
        for _ in range(PROCESSES):
            answers.append(process.ask("litecoop_bench.retime", job, LIMIT_S))
            if "error" in answers[-1]:
                break
        if "error" in answers[-1]:
            wrong = {"error": f"timing at the end: {answers[-1]['error']}"}
            found.update(dict.fromkeys([*mine, library], wrong))
        else:
            seen = zip(*([*answer["cells"], answer["library"]] for answer in answers), strict=True)
            found.update(zip([*mine, library], map(_overall, seen), strict=True))
    return found


def _overall(seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several processes say of one kernel."""
    wrong = next((one for one in seen if "error" in one), None)
    if wrong:
        return dict(wrong)
    times, shares = ([one[key] for one in seen] for key in ("final_ms", "peak_share"))
    return {
        **seen[0],
        "correct": all(one["correct"] for one in seen),
        "final_ms": geometric_mean(times),
        "final_each_ms": times,
        "peak_share": geometric_mean(shares) if all(shares) else None,
    }


def main() -> None:
    """Entry of the process of one workload."""
    from tvm_litecoop.tuning.threads import use_physical_cores

    use_physical_cores()
    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics

    load_tensor_intrinsics()
    job = process.job()
    *cells, library = _together(job["workload"], job["cells"])
    process.answer({"cells": cells, "library": library})


def _together(text: str, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The results of the kernels of one workload, and the library's at the end."""
    import numpy as np
    import tvm

    from litecoop_bench import library
    from tvm_litecoop import fast_math
    from tvm_litecoop.certify import kernels as kit
    from tvm_litecoop.certify.compare import off_reference
    from tvm_litecoop.certify.equality import deviation
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.tvm_bridge.machine import machine_of
    from tvm_litecoop.workloads import parse

    workload, host = parse(text), parse_target("")
    inputs, (shape, dtype) = workload.inputs(seed=1), workload.arg_shapes()[-1]
    args = [tvm.runtime.tensor(array) for array in [*inputs, np.zeros(shape, dtype)]]
    results: list[dict[str, Any]] = []
    timers: dict[int, kit.Timer] = {}
    for number, one in enumerate(asked):
        target = fast_math.fast(host) if one["fast"] else host
        kernel = _kernel(one["folder"], workload, target)
        if kernel is None:
            results.append({"error": "no schedule in its database"})
            continue
        results.append({"correct": off_reference(kernel, workload, target) <= 1.0})
        timers[number] = kit.timer(kernel, args)
    bound = library.bind(workload, inputs)
    if isinstance(bound, str):
        results.append({"error": bound})
    else:
        assert workload.reference is not None, text  # built-ins have one
        off = deviation(bound.call().numpy(), workload.reference(inputs), workload.rtol, workload.atol)
        timers[len(results)] = bound.timer()
        results.append({"correct": off <= 1.0, "library": bound.name})
    peak = machine_of(host).peak_gflops * 1e9
    for number, column in zip(timers, kit.turns(list(timers.values()), TIMING_S), strict=True):
        seconds = float(np.median(column))
        results[number]["final_ms"] = seconds * 1e3
        results[number]["peak_share"] = workload.flops / seconds / peak if peak else None
    return results


def _kernel(folder: str, workload: Any, target: Any) -> Any:
    from tvm.s_tir import meta_schedule as ms

    from tvm_litecoop.certify import kernels as kit
    from tvm_litecoop.tuning import workdir

    database = workdir.open_database(folder, fresh=False)
    schedule = ms.tir_integration.compile_tir(database, workload.mod, target)
    return None if schedule is None else kit.compiled(schedule.mod, target)


if __name__ == "__main__":
    main()
