"""`litecoop tune`: one workload, tuned, checked and timed. Owns its arguments and what is printed."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from tvm_litecoop.cli import screen
from tvm_litecoop.cli.files import check_writable, write
from tvm_litecoop.compat import check_versions
from tvm_litecoop.config import NAMED
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.tuning.request import STRATEGIES, Request
from tvm_litecoop.tuning.threads import use_physical_cores

EXAMPLES = """examples:
  litecoop tune matmul:512x512x512
  litecoop tune conv2d:1x56x56x64,3x3,64 --trials 128 --compare evolutionary
  litecoop tune my_kernels.py:softmax --target "llvm -mcpu=znver4 -num-cores=8" --json result.json
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    settings = ["paper", *NAMED, "lambda=X"]
    tune = commands.add_parser(
        "tune",
        help="tune one workload",
        description="Tune one workload, check the result against its reference, and print what was found.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tune.set_defaults(command=_tune)
    tune.add_argument("workload", help="a built-in, with or without a shape (see the README), or path.py:attribute")
    tune.add_argument("--target", default="", help="a TVM target; default: this machine with its real features")
    tune.add_argument("--trials", type=int, default=64, metavar="N", help="candidates to measure (default 64)")
    tune.add_argument("--strategy", choices=STRATEGIES, default="litecoop", help="which search (default litecoop)")
    tune.add_argument("--pool", default="", metavar="FILE", help="members and budget (default: the embedded pool)")
    tune.add_argument("--setting", default="default", metavar="NAME", help=f"an ablation: {', '.join(settings)}")
    tune.add_argument("--compare", choices=STRATEGIES[1:], help="run this search of TVM first, same trials")
    tune.add_argument("--work-dir", default="", metavar="DIR", help="database and logs (default litecoop-work/...)")
    tune.add_argument("--seed", type=int, default=1, metavar="S", help="makes all randomness (default 1)")
    tune.add_argument(
        "--batch", type=int, default=0, metavar="N", help="candidates per batch (default 0: 8, or 64 for TVM's own)"
    )
    kept = tune.add_mutually_exclusive_group()
    kept.add_argument("--resume", action="store_true", help="go on in the same work dir (the default)")
    kept.add_argument("--fresh", action="store_true", help="start over; earlier results are kept aside")
    tune.add_argument("--stock", action="store_true", help="TVM's default builder and runner instead of the warm ones")
    tune.add_argument("--json", default="", metavar="FILE", help="write the outcome there")


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
        pool=args.pool,
        setting=args.setting,
    )
    requests = [request]
    if args.compare == args.strategy:
        raise ConfigError(f"--compare {args.compare} is what --strategy runs already", "choose another one")
    if args.compare:
        directory = f"{request.directory}-{args.compare}" if args.work_dir else ""
        requests.insert(0, _compared(request, args.compare, directory))
    json_file = Path(args.json) if args.json else None
    if json_file is not None:
        check_writable(json_file)
    check_versions()
    use_physical_cores()
    return _run_all(requests, json_file)


def _run_all(requests: list[Request], json_file: Path | None) -> int:
    """Tune with each strategy in turn, check and time all results together, print and write them."""
    from tvm_litecoop.certify import table
    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
    from tvm_litecoop.tuning import check, progress, session
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.workloads import parse

    console = screen.console()
    workload, target = parse(requests[0].workload), parse_target(requests[0].target)
    load_tensor_intrinsics()
    sessions = []
    for request in requests:
        with progress.log_on(console), progress.Progress(console) as display:
            sessions.append(session.run(request, workload, target, display))
        if sessions[-1].outcome.interrupted:
            console.print("interrupted; showing the best so far")
            break

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    found = check.check_and_time(sessions, workload, target, say)
    outcomes = [one.outcome for one in sessions]
    _show(console, outcomes, requests[0].trials)
    if found:
        for line in (*table.reasons(found[-1]), *table.how(outcomes[-1].directory, found[-1:])):
            say(line)
    if json_file is not None:
        written = [outcome.as_json() for outcome in outcomes]
        write(json_file, json.dumps(written[0] if len(written) == 1 else written, indent=2, allow_nan=False) + "\n")
    return 0 if outcomes[-1].correct else 1


def _show(console: Console, outcomes: list[Any], trials: int) -> None:
    """The searches side by side, and what the members of the last one brought."""
    from tvm_litecoop.tuning import progress

    last = outcomes[-1]
    console.print(progress.results(outcomes))
    if last.members:
        console.print(progress.members(last))
    if last.seconds["model"] or last.seconds["hidden"]:
        console.print(progress.model_time(last), highlight=False)
    for outcome in outcomes:
        for line in progress.remarks(outcome, trials):
            console.print(line, highlight=False, soft_wrap=True)


def _compared(request: Request, strategy: str, directory: str) -> Request:
    """The same run by one of TVM's own strategies, with TVM's own builder and runner."""
    return replace(request, strategy=strategy, work_dir=directory, stock=True, pool="", setting="default")
