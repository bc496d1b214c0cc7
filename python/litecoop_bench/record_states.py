"""Make `tvm_litecoop/audition/states.json` of the databases of a benchmark: `python -m litecoop_bench.record_states`.

Takes of each workload programs of all speeds, from every search that measured it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from litecoop_bench.grid import load
from litecoop_bench.tasks import recorded, space_of
from tvm_litecoop.values import Program

PROGRAMS = 72
"""Of each workload."""


def main() -> None:
    """Read a grid and its results, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grid", type=Path)
    parser.add_argument("results", type=Path, help="the folder that `litecoop bench` wrote")
    parser.add_argument("--out", type=Path, default=Path("tvm_litecoop/audition/states.json"))
    args = parser.parse_args()
    grid = load(args.grid)
    tasks = [_task(workload, args.results, grid.cells()) for workload in grid.workloads]
    args.out.write_text(json.dumps({"tasks": tasks}, separators=(",", ":")) + "\n")


def _task(workload: str, results: Path, cells: list[Any]) -> dict[str, Any]:
    space = space_of(workload)
    found: dict[int, tuple[Program, float]] = {}
    for cell in cells:
        if cell.workload == workload:
            for built, seconds in recorded(space, results / cell.name):
                found[built.key] = built.program, seconds
    ranked = sorted(found.values(), key=lambda pair: pair[1])
    count = min(PROGRAMS, len(ranked))
    kept = [ranked[i * (len(ranked) - 1) // max(1, count - 1)] for i in range(count)]
    return {
        "workload": workload,
        "target": _host(),
        "machine": asdict(space.machine),
        "programs": [[program.sketch, program.decisions, float(f"{seconds:.4g}")] for program, seconds in kept],
    }


def _host() -> dict[str, Any]:
    """The target of the benchmark as plain data."""
    from tvm_litecoop.tuning.targets import parse_target

    target = parse_target("")
    attrs = {key: value for key, value in dict(target.attrs).items() if isinstance(value, (str, int))}
    return {"kind": str(target.kind.name), "keys": [str(key) for key in target.keys], **attrs}


if __name__ == "__main__":
    main()
