"""The kernels of all cells, checked and timed together at the end, so that no arm gains from a lucky moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from litecoop_bench.grid import Cell


def retime(cells: Sequence[Cell], folder: Path) -> dict[str, tuple[bool, float]]:
    """Compile the best schedule of each cell, check its numbers, and time all of one workload in turns.

    Returns:
        Cell name -> (correct, median seconds per run); cells without a schedule are missing.
    """
    from tvm.s_tir import meta_schedule as ms

    from tvm_litecoop.certify import kernels as kit
    from tvm_litecoop.certify.compare import off_reference
    from tvm_litecoop.tuning import workdir
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.workloads import parse

    target = parse_target("")
    found: dict[str, tuple[bool, float]] = {}
    for text in dict.fromkeys(cell.workload for cell in cells):
        workload = parse(text)
        kernels: dict[str, Any] = {}
        for cell in cells:
            if cell.workload != text or not (folder / cell.name).is_dir():
                continue
            database = workdir.open_database(str(folder / cell.name), fresh=False)
            schedule = ms.tir_integration.compile_tir(database, workload.mod, target)
            if schedule is not None:
                kernels[cell.name] = kit.compiled(schedule.mod, target)
        shape, dtype = workload.arg_shapes()[-1]
        inputs = [*workload.inputs(seed=1), np.zeros(shape, dtype)]
        seconds = kit.medians(list(kernels.values()), [inputs] * len(kernels))
        for (name, kernel), median in zip(kernels.items(), seconds, strict=True):
            found[name] = (off_reference(kernel, workload, target) <= 1.0, median)
    return found
