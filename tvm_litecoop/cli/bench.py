"""`litecoop bench`: searches compared on a grid of workloads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tvm_litecoop.compat import check_versions
from tvm_litecoop.tuning.threads import use_physical_cores

ABOUT = """\
Compare searches on a grid of workloads.

A cell is one search (arm) on one workload with one seed, in a process of its own; the arms of a workload and seed run
right after each other. At the end the kernels of all cells are checked, and timed in turns with each other and with
torch, where it is installed. A failed cell or a wrong kernel is reported, left out of the ratios, and makes the exit
code 1.

A rerun skips the finished cells, so a long grid can be run over several days, and grown: Ctrl-C keeps what is finished.
Where cells come from several commits, machines or versions, the table says so."""

AFTER = """\
files in DIR:
  cells.jsonl   one line a cell, as it ended        final.jsonl   the same with the timing at the end
  table.md      tables, ready for a README          index.html    tables and figures in one page
  *.png         the figures (pip install matplotlib)

a grid:
  workloads = ["matmul:512x512x512", "softmax:1024x512"]
  arms = ["evolutionary", "litecoop"]               # ratios are to the first one
  trials = 64
  seeds = [1, 2, 3]"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    bench = commands.add_parser(
        "bench",
        help="compare searches on a grid of workloads",
        description=ABOUT,
        epilog=AFTER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bench.set_defaults(command=_run)
    bench.add_argument("grid", type=Path, help="a TOML file, for example python/litecoop_bench/grids/smoke.toml")
    results = "results (default litecoop-work/bench-NAME, which says what takes the place of the grid's)"
    bench.add_argument("--out", type=Path, metavar="DIR", help=results)
    bench.add_argument("--arms", type=_names, metavar="A,B", help="in place of the grid's; ratios are to the first one")
    bench.add_argument("--seeds", type=_numbers, metavar="1,2", help="in place of the grid's")


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers, as in 1,2,3") from None


def _run(args: argparse.Namespace) -> int:
    check_versions()
    use_physical_cores()
    from litecoop_bench.run import run

    instead = {key: value for key in ("arms", "seeds") if (value := getattr(args, key)) is not None}
    name = "-".join([args.grid.stem, *(",".join(map(str, value)) for value in instead.values())])
    folder = args.out or Path("litecoop-work") / f"bench-{name}"
    return run(args.grid, folder, lambda line: print(line, flush=True), instead)
