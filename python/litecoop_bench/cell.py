"""One cell, in a process of its own: the search, and what belongs to its arm before and after."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from litecoop_bench import process, provenance
from litecoop_bench.arms import ARMS
from litecoop_bench.grid import Cell

START_S, TRIAL_S = 3600.0, 30.0
"""A cell that takes longer than this and as much for each trial hangs; TVM gives up a candidate after 30 s."""


def run(cell: Cell, folder: Path) -> dict[str, Any]:
    """Run one cell.

    Returns:
        The outcome (`litecoop tune --json`) with the cell's own fields, the seconds of the whole process (`wall_s`) and
        what it was run with; of the trials, `trials` are what was asked for and `measured` what was made. `error`
        instead of the outcome where it failed.
    """
    start, origin = time.perf_counter(), provenance.now()
    job, limit_s = {**asdict(cell), "folder": str(folder)}, START_S + TRIAL_S * cell.trials
    outcome = process.ask("litecoop_bench.cell", job, limit_s)
    if outcome.get("interrupted"):
        outcome = {"error": "stopped by a signal"}
    elif "error" not in outcome and not outcome["best_ms"]:
        outcome = {"error": f"no candidate ran: {outcome['first_failure']}"}
    measured = {"measured": outcome["trials"]} if "trials" in outcome else {}
    return {**outcome, **asdict(cell), **measured, "wall_s": time.perf_counter() - start, **origin}


def main() -> None:
    """Entry of the process."""
    job = process.job()
    folder = Path(job.pop("folder"))
    cell = Cell(**job)

    from tvm_litecoop.compat import check_versions
    from tvm_litecoop.tuning.threads import use_physical_cores

    check_versions()
    use_physical_cores()
    from litecoop_bench import droplet
    from tvm_litecoop import fast_math
    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
    from tvm_litecoop.tuning import session
    from tvm_litecoop.tuning.progress import Silent
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.workloads import parse

    load_tensor_intrinsics()
    request, arm, target = cell.request(folder), ARMS[cell.arm], parse_target("")
    if arm.fast_math:
        target = fast_math.fast(target)
    with arm.pool(cell.seed) as pool:
        outcome = session.run(request, parse(cell.workload), target, Silent(), pool)
    if arm.droplet and outcome.best_s and not outcome.interrupted:
        outcome = droplet.improve(outcome, target)
    process.answer(outcome.as_json())


if __name__ == "__main__":
    main()
