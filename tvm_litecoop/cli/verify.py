"""`litecoop verify`: which kernels of a work directory are right, and faster than doing nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tvm_litecoop.cli import screen
from tvm_litecoop.cli.files import check_writable, write
from tvm_litecoop.compat import check_versions
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.tuning.threads import use_physical_cores

if TYPE_CHECKING:
    from tvm_litecoop.certify.certificate import TaskCertificate

DESCRIPTION = """\
Check the best records of every task in a work dir that TVM's MetaSchedule has written, whoever tuned it: litecoop or
TVM's own strategies. Records are tried in the order of their recorded times, until one is certified:

  right    its results equal those of the untuned program on random, positive, negative, zero, one, large,
           overflowing, denormal, infinite and NaN inputs
  faster   timed in turns with the default, which on a CPU is the untuned program, the 95 % interval of the ratio of
           their times is below 1
  honest   it does not take more than 3 times its recorded time, unless the other records are as far off

Where no record is all three, the untuned program is certified. A kernel that crashes or hangs is rejected and harms
nothing. The result is printed and written to WORK_DIR/certificate.json; the database stays as it is.
"""

EPILOG = """\
equality:
  A float32 result may be off by 1e-4 of itself (float64 1e-9, float16 1e-2, bfloat16 4e-2, integers not at all), plus
  4 eps sqrt(n) of the largest result for sums of n terms (eps of the numbers that the sum is kept in), at least a tenth
  of the former; what a change of the inputs in the last place does to the untuned program's results is no error, nor is
  a rare integer that floating-point numbers are rounded or compared to. NaN and infinities must be the same in the same
  places, but for three things: sums that overflow may give an infinity or a NaN; a program that pads or selects need
  only agree where the untuned one is finite; one that takes a maximum or minimum over many values, whose answer to a
  NaN hangs on their order, is run on such inputs and not compared.

exit code:
  0  every task has a certified record, or honestly the untuned program
  1  a record was wrong, crashed or hung, or a task could not be checked
  2  the work dir cannot be used

examples:
  litecoop verify litecoop-work/matmul-512x512x512-litecoop
  litecoop verify work --json certificate.json --top 3
  litecoop verify work --set-aside     # then TVM's compile_tir finds the certified records
  litecoop eject work                  # the certified records as plain TVM Python
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    verify = commands.add_parser(
        "verify",
        help="certify the best records of a work dir: right, and faster than the untuned program",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.set_defaults(command=_verify)
    verify.add_argument("directory", metavar="WORK_DIR", help="holds database_workload.json and its records")
    verify.add_argument("--top", type=int, default=5, metavar="N", help="records tried of each task (default 5)")
    verify.add_argument("--json", default="", metavar="FILE", help="write it there as well")
    verify.add_argument(
        "--set-aside", action="store_true", help="move rejected records from the database to WORK_DIR/rejected.json"
    )


def _verify(args: argparse.Namespace) -> int:
    if args.top < 1:
        raise ConfigError(f"--top is {args.top}", "choose at least 1")
    json_file = Path(args.json) if args.json else None
    if json_file is not None:
        check_writable(json_file)
    check_versions()
    use_physical_cores()
    from tvm_litecoop.certify import aside, numbered, records, store, table
    from tvm_litecoop.certify.examiner import Examiner
    from tvm_litecoop.certify.note import note
    from tvm_litecoop.certify.verify import certify

    console = screen.console()

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    found = numbered.read(args.directory)
    if found.broken:
        lines = ", ".join(map(str, found.broken[:10]))
        say(f"{len(found.broken)} lines of {records.RECORDS} cannot be read and are left out: {lines}")
    done: list[TaskCertificate] = []
    try:
        with Examiner() as examiner:
            for task in found.tasks:
                done.append(certify(task, examiner, say, top=args.top))
                for line in (*table.reasons(done[-1]), table.summary(done[-1])):
                    say(line)
    except KeyboardInterrupt:
        store.write(args.directory, done)
        say(f"stopped; what is said of {len(done)} of {len(found.tasks)} tasks is in {store.FILE}")
        raise
    console.print(table.table(done))
    _write(args.directory, done, json_file)
    note(args.directory, done)
    if args.set_aside:
        moved, done = aside.set_aside(args.directory, done)
        _write(args.directory, done, json_file)
        where = f"moved {moved} records to {Path(args.directory) / aside.FILE}"
        say(where if moved else "no record was rejected: nothing is moved")
    for line in table.how(args.directory, done, set_aside=args.set_aside):
        say(line)
    return int(any(task.harmful or task.unchecked for task in done))


def _write(directory: str, done: list[TaskCertificate], json_file: Path | None) -> None:
    """The certificate; that of `--json` first, for the work directory may be one that cannot be written."""
    from tvm_litecoop.certify import store

    if json_file is not None:
        write(json_file, store.as_text(done))
    store.write(directory, done)
