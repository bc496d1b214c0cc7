"""The command line `litecoop`. Owns exit codes; each command is a file of its own.

tune.py    litecoop tune (tune_model.py where the workload is a whole model)
run.py     litecoop run
verify.py  litecoop verify
eject.py   litecoop eject
replay.py  litecoop replay
report.py  litecoop report
pool.py    litecoop pool show | check | audition
bench.py   litecoop bench
screen.py  where it prints
files.py   files that a command is asked to write
output.py  standard output that may go away
stopping.py  SIGTERM

TVM is imported only after the installed versions were checked and the threads of kernels were set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tvm_litecoop._version import __version__
from tvm_litecoop.cli import bench, eject, pool, replay, report, run, tune, verify
from tvm_litecoop.cli.output import lossy_stdout
from tvm_litecoop.cli.stopping import sigterm_as_ctrl_c
from tvm_litecoop.errors import LiteCoOpError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 for success, 1 where no correct kernel was found, a wrong one, or one that cannot be checked (or a member
        cannot be reached), 2 for an input that cannot be used, 130 for Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="litecoop", description="Tune TVM programs with a shared search tree.")
    parser.add_argument("--version", action="version", version=f"litecoop {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (tune, run, report, verify, eject, replay, pool, bench):
        command.add_to(commands)
    args = parser.parse_args(argv)
    try:
        with lossy_stdout(), sigterm_as_ctrl_c():
            return int(args.command(args))
    except LiteCoOpError as error:
        print(f"litecoop: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a directory not to be entered, a name too long
        if error.filename is None and "temporary" not in (error.strerror or ""):
            raise
        what = error.filename or "a directory for temporary files (set TMPDIR)"  # `tempfile` names none
        print(f"litecoop: {what} cannot be used: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # outside of a run, where nothing has been measured yet or everything is written
        return 130
