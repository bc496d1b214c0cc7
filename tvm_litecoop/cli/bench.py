"""`litecoop bench`: searches compared on a grid of workloads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tvm_litecoop.compat import check_versions
from tvm_litecoop.tuning.threads import use_physical_cores


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    bench = commands.add_parser(
        "bench",
        help="compare searches on a grid of workloads",
        description="Run every workload x arm x seed of a grid, arms interleaved, each cell in a process of its own; "
        "check and time all kernels together at the end. A rerun skips the finished cells.",
    )
    bench.set_defaults(command=_run)
    bench.add_argument("grid", type=Path, help="a TOML file, for example python/litecoop_bench/grids/smoke.toml")
    bench.add_argument("--out", type=Path, metavar="DIR", help="results (default litecoop-work/bench-NAME)")


def _run(args: argparse.Namespace) -> int:
    check_versions()
    use_physical_cores()
    from litecoop_bench.run import run

    folder = args.out or Path("litecoop-work") / f"bench-{args.grid.stem}"
    return run(args.grid, folder, lambda line: print(line, flush=True))
