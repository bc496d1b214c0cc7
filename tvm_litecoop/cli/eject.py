"""`litecoop eject`: the winners of a work directory as plain TVM Python."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tvm_litecoop.compat import check_versions
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.tuning.threads import use_physical_cores

DESCRIPTION = """\
Write the winner of every task of a work dir as a Python file that needs TVM alone: the program as TVMScript, the
schedule as statements, the target, `build()`, and, run as a script, a check against the untuned program and the
times of both.

The winner is the record that `litecoop verify` has certified, or the untuned program where it certified that;
without a certificate it is the fastest record, which is then said to be unverified. Each file is read back at once:
it must make the same schedule, by TVM's structural hash.
"""

EPILOG = """\
examples:
  litecoop verify work && litecoop eject work          # writes work/ejected/task1.py, task2.py, ...
  litecoop eject work -o kernels/                      # the same there
  litecoop eject work --task 2 -o softmax.py           # one file
  python softmax.py                                    # builds, checks, times
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    eject = commands.add_parser(
        "eject",
        help="write the winners of a work dir as plain TVM Python",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    eject.set_defaults(command=_eject)
    eject.add_argument("directory", metavar="WORK_DIR", help="holds database_workload.json and its records")
    eject.add_argument("-o", "--output", default="", metavar="DIR|FILE.py", help="default WORK_DIR/ejected/")
    eject.add_argument("--task", type=int, default=0, metavar="N", help="this task alone, as numbered by verify")


def _eject(args: argparse.Namespace) -> int:
    check_versions()
    use_physical_cores()
    from tvm_litecoop.certify import numbered, store
    from tvm_litecoop.certify.eject import eject
    from tvm_litecoop.certify.winner import winner

    tasks = numbered.read(args.directory).tasks
    chosen = [task for task in tasks if args.task in (0, task.number)]
    if not chosen:
        have = ", ".join(str(task.number) for task in tasks)
        raise ConfigError(f"--task {args.task}: {args.directory} has tasks {have}", "choose one of them")
    place = Path(args.output or Path(args.directory) / "ejected")
    if place.suffix == ".py" and len(chosen) > 1:
        raise ConfigError(f"{place} is one file and there are {len(chosen)} tasks", "name a directory, or --task N")
    found = store.read(args.directory)
    for task in chosen:
        record, says = winner(task, found, args.directory)
        file = place if place.suffix == ".py" else place / f"task{task.number}.py"
        eject(task, record, file)
        print(f"{file}: {says}")
    return 0
