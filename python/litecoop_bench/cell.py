"""One cell in a process of its own: `python -m litecoop_bench.cell`, the cell as JSON in, the outcome as JSON out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from litecoop_bench.arms import ARMS
from litecoop_bench.grid import Cell

LIMIT_S = 3600


def run(cell: Cell, folder: Path) -> dict[str, Any]:
    """Run one cell.

    Returns:
        The outcome (`litecoop tune --json`) with the cell's own fields; `error` instead where it failed.
    """
    job = json.dumps({**asdict(cell), "folder": str(folder)})
    start = time.perf_counter()
    command = [sys.executable, "-m", "litecoop_bench.cell", job]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return {**asdict(cell), "error": f"stopped after {LIMIT_S} s"}
    wall = time.perf_counter() - start
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {**asdict(cell), "error": lines[-1] if lines else f"exit code {done.returncode}"}
    return {**json.loads(done.stdout.splitlines()[-1]), **asdict(cell), "wall_s": wall}


def main() -> None:
    """Entry of the process."""
    job = json.loads(sys.argv[1])
    folder = Path(job.pop("folder"))
    cell = Cell(**job)

    from tvm_litecoop.compat import check_versions
    from tvm_litecoop.tuning.threads import use_physical_cores

    check_versions()
    use_physical_cores()
    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
    from tvm_litecoop.tuning import session
    from tvm_litecoop.tuning.progress import Silent
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.workloads import parse

    load_tensor_intrinsics()
    request = cell.request(folder)
    with ARMS[cell.arm].pool(cell.seed) as pool:
        found = session.run(request, parse(cell.workload), parse_target(""), Silent(), pool)
    print(json.dumps(found.outcome.as_json()))


if __name__ == "__main__":
    main()
