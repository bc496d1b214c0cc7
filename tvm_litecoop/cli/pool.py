"""`litecoop pool show | check | audition`: who is in a pool, whether they answer, and what their answers are worth."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from rich.table import Table

from tvm_litecoop.cli import screen
from tvm_litecoop.compat import check_versions
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.tuning.threads import use_physical_cores


def add_to(commands: Any) -> None:
    """Add the commands to the parser."""
    pool = commands.add_parser("pool", help="look at a pool of models, check it, try it")
    actions = pool.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        ("show", _show, "who is in the pool, at what price; asks nobody"),
        ("check", _check, "one real round trip to each member: reachable, in form, how fast"),
        (
            "audition",
            _audition,
            "about 20 recorded states to each member: what its answers are worth, and a pool to use",
        ),
    ):
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.set_defaults(command=run)
        action.add_argument("file", nargs="?", default="", metavar="FILE", help="a pool file (default: embedded pool)")
        if name == "audition":
            action.add_argument("--states", type=int, default=20, metavar="N", help="states to ask about (default 20)")
            action.add_argument(
                "--seed", type=int, default=1, metavar="S", help="which states, which draws (default 1)"
            )


def _pool(file: str) -> Pool:
    return Pool.from_toml(file) if file else Pool.default()


def _show(args: argparse.Namespace) -> int:
    pool = _pool(args.file)
    table = Table(box=None, pad_edge=False)
    for column in ("member", "size", "USD/Mtok in", "out", "runs", "key"):
        table.add_column(column, justify="left" if column in ("member", "runs", "key") else "right")
    settings = _settings(args.file)
    for name, member in pool.members.items():
        profile = member.profile
        where = "free" if profile.free else "beside the measurement" if profile.background else "on the tuned CPU"
        price = [f"{usd:g}" for usd in profile.usd_per_mtok]
        size = f"{profile.params:.3g}" if profile.params > 1 else ""
        table.add_row(name, size, *price, where, _key(settings.get(name)))
    console = screen.console()
    console.print(table)
    if limits := pool.budget.left():
        console.print(f"budget: {limits}", highlight=False)
    return 0


def _settings(file: str) -> dict[str, MemberSettings]:
    from tvm_litecoop.models import poolfile

    return {one.name: one for one in poolfile.read(Path(file)).member} if file else {}


def _key(settings: MemberSettings | None) -> str:
    """Whether the key is there; never the key."""
    if settings is None or not settings.api_key_env:
        return ""
    return f"{settings.api_key_env} is {'set' if os.environ.get(settings.api_key_env) else 'NOT set'}"


def _check(args: argparse.Namespace) -> int:
    pool = _pool(args.file)
    check_versions()
    use_physical_cores()
    from tvm_litecoop.audition import check, table
    from tvm_litecoop.tuning.progress import log_on

    console = screen.console()
    with log_on(console):
        found = check.round_trips(list(pool.members.values()))
    console.print(table.checked(found))
    return int(any(one.fault for one in found))


def _audition(args: argparse.Namespace) -> int:
    if args.states < 1:
        raise ConfigError(f"--states is {args.states}", "choose at least 1")
    if not 0 < args.seed < 2**31:
        raise ConfigError(f"--seed is {args.seed}", "choose a number from 1 to 2147483647")
    pool = _pool(args.file)
    check_versions()
    use_physical_cores()
    from tvm_litecoop.audition import stage, table
    from tvm_litecoop.tuning.progress import log_on

    console = screen.console()
    with log_on(console):
        scores = stage.audition(pool, args.states, args.seed, lambda line: console.print(line, highlight=False))
    console.print(table.scored(scores))
    console.print(table.suggestion(scores), highlight=False)
    return 0
