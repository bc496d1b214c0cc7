"""`litecoop run`: a compiled model, timed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tvm_litecoop.cli import screen
from tvm_litecoop.compat import check_versions
from tvm_litecoop.errors import ConfigError, TargetError
from tvm_litecoop.tuning.threads import use_physical_cores

DESCRIPTION = """\
Load a model that `litecoop tune MODEL -o model.so` has compiled and time one run of it. Inputs are random (floats
normal, integers 0 and 1), or yours: --input name=file.npy.
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    run = commands.add_parser(
        "run",
        help="time a compiled model",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.set_defaults(command=_run)
    run.add_argument("file", type=Path, metavar="MODEL.so", help="from litecoop tune ... -o")
    run.add_argument("--input", action="append", default=[], metavar="NAME=FILE.npy", help="an input of yours")
    run.add_argument("--seed", type=int, default=1, metavar="S", help="of the random inputs (default 1)")


def _run(args: argparse.Namespace) -> int:
    if args.seed < 0:
        raise ConfigError(f"--seed is {args.seed}", "choose a number from 0")
    given = {}
    for text in args.input:
        name, equals, file = text.partition("=")
        if not equals or not name or not file:
            raise ConfigError(f"--input {text!r} is not of the form", "--input name=file.npy")
        given[name] = Path(file)
    check_versions()
    threads = use_physical_cores()
    from tvm_litecoop.model_files.model import drawn
    from tvm_litecoop.tuning import artifact
    from tvm_litecoop.tuning.end_to_end import in_turns, middle
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.tvm_bridge.machine import lacking

    running, about = artifact.read(args.file)
    if missing := lacking(parse_target(about.target)):
        raise TargetError(f"{args.file} needs {missing}, which this machine lacks", "tune the model on this one")
    mine = artifact.matched(about.inputs, given)
    inputs = [
        mine.get(one.name, random) for one, random in zip(about.inputs, drawn(about.inputs, args.seed), strict=True)
    ]
    shown = screen.Screen()
    shown.say(f"{args.file}: {about.spec} for {about.target}")
    for one in about.inputs:
        shown.say(f"input {one}, {given.get(one.name, 'random')}")
    for number, output in enumerate(running(inputs)):
        shown.say(f"output {number}: {output.dtype} {'x'.join(map(str, output.shape)) or 'scalar'}")
    (times,) = in_turns([running.calling(inputs)])
    median, low, high = (seconds * 1e3 for seconds in middle(times))
    shown.say(f"{median:.4g} ms a run, 5 % to 95 % of {len(times)} rounds: [{low:.4g}, {high:.4g}], {threads} threads")
    return 0
