"""`litecoop tune`: one workload, tuned, checked and timed. Owns its arguments and what is printed."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from tvm_litecoop.cli import screen, tune_model
from tvm_litecoop.cli.files import as_text, check_replaceable, check_writable, write
from tvm_litecoop.cli.tune_model import Wanted
from tvm_litecoop.compat import check_versions
from tvm_litecoop.config import NAMED
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.tuning.request import SPACES, STRATEGIES, Request
from tvm_litecoop.tuning.threads import use_physical_cores

EXAMPLES = """examples:
  litecoop tune matmul:512x512x512
  litecoop tune conv2d:1x56x56x64,3x3,64 --trials 128 --compare evolutionary
  litecoop tune my_kernels.py:softmax --target "llvm -mcpu=znver4 -num-cores=8" --json result.json
  litecoop tune model.onnx --trials 400 -o model.so
  litecoop tune model.pt2 --shape x=1x3x224x224 --compare evolutionary
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    settings = ["paper", *NAMED, "lambda=X"]
    tune = commands.add_parser(
        "tune",
        help="tune one workload or a whole model",
        description="Tune one workload or a whole model, check the result, and print what was found.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tune.set_defaults(command=_tune)
    tune.add_argument(
        "workload",
        help="a built-in, with or without a shape (see the README), path.py:attribute, model.onnx or model.pt2",
    )
    tune.add_argument("--target", default="", help="a TVM target; default: this machine with its real features")
    tune.add_argument("--trials", type=int, default=64, metavar="N", help="candidates to measure (default 64)")
    tune.add_argument("--strategy", choices=STRATEGIES, default="litecoop", help="which search (default litecoop)")
    tune.add_argument("--pool", default="", metavar="FILE", help="members and budget (default: the embedded pool)")
    tune.add_argument("--setting", default="default", metavar="NAME", help=f"an ablation: {', '.join(settings)}")
    tune.add_argument("--compare", choices=STRATEGIES[1:], help="run this search of TVM after it, same trials")
    tune.add_argument("--work-dir", default="", metavar="DIR", help="database and logs (default litecoop-work/...)")
    tune.add_argument("--seed", type=int, default=1, metavar="S", help="makes all randomness (default 1)")
    tune.add_argument(
        "--batch", type=int, default=0, metavar="N", help="candidates per batch (default 0: 8, or 64 for TVM's own)"
    )
    kept = tune.add_mutually_exclusive_group()
    kept.add_argument("--resume", action="store_true", help="go on in the same work dir (the default)")
    kept.add_argument("--fresh", action="store_true", help="start over; earlier results are kept aside")
    tune.add_argument("--stock", action="store_true", help="TVM's default builder and runner instead of the warm ones")
    tune.add_argument(
        "--space",
        choices=SPACES,
        help="design spaces: TVM's own (stock), or also padded and packed programs (litecoop, default of our search)",
    )
    tune.add_argument("--json", default="", metavar="FILE", help="write the outcome there")
    tune.add_argument("-o", "--output", default="", metavar="FILE.so", help="write the compiled model there")
    tune.add_argument("--shape", action="append", default=[], metavar="NAME=AxB", help="shape of an input of a model")
    tune.add_argument(
        "--fast-math",
        action=argparse.BooleanOptionalAction,
        help="exp, tanh and erf as vector arithmetic, right to 3 units in the last place (default: for models alone)",
    )
    tune.add_argument("--no-prepack", action="store_true", help="leave the weights of a model in their own layout")
    shown = tune.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="print the result only")
    shown.add_argument("--verbose", action="store_true", help="print what is logged as well")


def _tune(args: argparse.Namespace) -> int:
    request = Request(
        workload=args.workload,
        strategy=args.strategy,
        trials=args.trials,
        target=args.target,
        work_dir=args.work_dir,
        seed=args.seed,
        batch=args.batch,
        stock=args.stock,
        fresh=args.fresh,
        setting=args.setting,
        space=args.space or ("litecoop" if args.strategy == "litecoop" else "stock"),
    )
    requests = [request]
    if args.compare == args.strategy:
        raise ConfigError(f"--compare {args.compare} is what --strategy runs already", "choose another one")
    if args.compare:
        directory = f"{os.path.abspath(args.work_dir)}-{args.compare}" if args.work_dir else ""  # of `.` and `w/` too
        requests.insert(0, _compared(request, args.compare, directory))
    json_file = Path(args.json) if args.json else None
    if json_file is not None:
        check_writable(json_file)
    if args.pool and args.strategy != "litecoop":
        raise ConfigError(f"{args.strategy} has no pool", "leave out --pool")
    check_versions()
    use_physical_cores()
    pool = Pool.from_toml(args.pool) if args.pool else None
    from tvm_litecoop.model_files import Model, load, shapes
    from tvm_litecoop.tuning import arithmetic, artifact, workdir
    from tvm_litecoop.tuning.targets import check_executable, parse_target

    if args.output:
        check_replaceable(artifact.checked(Path(args.output)), artifact.is_ours, "litecoop tune")
    target = parse_target(args.target)
    check_executable(target, args.target)
    subject = load(args.workload, shapes.parse(args.shape))
    target = arithmetic.chosen(args.fast_math, target, requests, whole_model=isinstance(subject, Model))
    loud = {"quiet": args.quiet, "verbose": args.verbose}
    if isinstance(subject, Model):
        wanted = Wanted(Path(args.output) if args.output else None, json_file, packed=not args.no_prepack)
        with workdir.all_locked(requests):
            return tune_model.run_all(requests, subject, target, pool, wanted, screen.Screen(**loud))
    if args.output:
        raise ConfigError("-o is for whole models", "for a kernel: litecoop eject WORK_DIR")
    if args.no_prepack:
        raise ConfigError("--no-prepack is for whole models", "leave it out")
    with workdir.all_locked(requests):
        return _run_all(requests, subject, target, pool, json_file, screen.Screen(**loud))


def _run_all(
    requests: list[Request],
    workload: Any,
    target: Any,
    pool: Pool | None,
    json_file: Path | None,
    shown: screen.Screen,
) -> int:
    """Tune with each strategy, the last one first, check and time all results together, print and write them."""
    from tvm_litecoop.certify import table
    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
    from tvm_litecoop.tuning import check, session

    load_tensor_intrinsics()
    outcomes: list[Any] = []
    for request in reversed(requests):
        with shown.display() as display:
            outcomes.insert(0, session.run(request, workload, target, display, pool))
        if outcomes[0].interrupted:
            shown.say("interrupted; showing the best so far")
            break
    try:
        found = check.check_and_time(outcomes, workload, target, shown.note)
    except KeyboardInterrupt:
        shown.say(f"stopped before the check was done: litecoop verify {shlex.quote(outcomes[-1].directory)}")
        raise
    _show(shown.console, outcomes, requests[0].trials)
    for outcome, certificate in found:
        for line in table.reasons(certificate):
            shown.say(f"{outcome.strategy}: {line}" if len(outcomes) > 1 else line)
        for line in table.how(outcome.directory, [certificate]) if outcome is outcomes[-1] else ():
            shown.say(line)
    shown.page_of(outcomes[-1])
    if json_file is not None:
        write(json_file, as_text(outcomes, several=len(requests) > 1))
    return 0 if outcomes[-1].correct else 1


def _show(console: Console, outcomes: list[Any], trials: int) -> None:
    """The searches side by side, and what the members of the last one brought."""
    from tvm_litecoop.tuning import tables

    last = outcomes[-1]
    console.print(tables.results(outcomes))
    if last.members:
        console.print(tables.members(last))
    if last.seconds["model"] or last.seconds["hidden"]:
        console.print(tables.model_time(last), highlight=False)
    for outcome in outcomes:
        for line in tables.remarks(outcome, trials):
            console.print(line, highlight=False, soft_wrap=True)


def _compared(request: Request, strategy: str, directory: str) -> Request:
    """The same run by one of TVM's own strategies, with TVM's own builder and runner."""
    return replace(request, strategy=strategy, work_dir=directory, stock=True, setting="default", space="stock")
