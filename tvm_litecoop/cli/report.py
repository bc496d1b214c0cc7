"""`litecoop report`: what a run did, as one page for the browser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tvm_litecoop.cli.files import check_replaceable, replace
from tvm_litecoop.errors import ConfigError

DESCRIPTION = """\
Write one HTML file that shows a run: the best latency over trials and over time, the shared tree, what each member
cost and brought, where the time went, the winner beside the untuned program, and what is needed to make the run again.
The file needs no network and no other file.

The run may be unfinished, or going on in another process, which is not disturbed.
"""

EPILOG = """\
examples:
  litecoop report litecoop-work/matmul-512x512x512-litecoop              # writes report.html there
  litecoop report work -o report.html
  litecoop report work --run 1                                           # an earlier run in the same work dir
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    report = commands.add_parser(
        "report",
        help="write a page that shows what a run did",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.set_defaults(command=_report)
    report.add_argument("work_dir", type=Path, metavar="WORK_DIR", help="of a `litecoop tune`; holds litecoop.sqlite")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="default WORK_DIR/report.html")
    report.add_argument("--run", type=int, default=0, metavar="N", help="which run in the journal (default the newest)")


def _report(args: argparse.Namespace) -> int:
    from tvm_litecoop.report.data import collect
    from tvm_litecoop.report.page import MARK, page

    if args.run < 0:
        raise ConfigError(f"--run is {args.run}", "choose a run's number, from 1")
    file = args.output or args.work_dir / "report.html"
    if args.output or args.work_dir.is_dir():  # without a work dir there is something better to say
        check_replaceable(file, lambda content: content.startswith(MARK.encode()), "litecoop report")
    data = collect(args.work_dir, args.run)
    text = page(data)
    replace(file, text)
    nodes = sum(len(task["tree"]["parent"]) for task in data["tasks"])
    run, tasks = data["run"], len(data["tasks"])
    unfinished = "" if run["ended"] else ", not finished"
    print(f"{file}: run {run['number']}{unfinished}, tasks: {tasks}, nodes: {nodes}, {len(text) / 1e6:.1f} MB")
    for task in data["tasks"]:
        if task["missing"]:
            print(f"without the programs of {task['title'] or task['identity']}: {task['missing']}")
    return 0
