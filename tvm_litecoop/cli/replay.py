"""`litecoop replay`: a recorded run made again, with the same policy or another one. No network, no hardware."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tvm_litecoop.config import NAMED, SearchConfig
from tvm_litecoop.errors import WorkDirError


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    settings = ["paper", *NAMED, "lambda=X"]
    replay = commands.add_parser(
        "replay",
        help="make a recorded run again, with another policy",
        description="Make the search of the newest run in a work dir again, on recorded answers and measurements "
        "alone: what another policy would have done, as far as the record reaches.",
    )
    replay.set_defaults(command=_replay)
    replay.add_argument("work_dir", type=Path, metavar="WORK_DIR", help="of a `litecoop tune`")
    replay.add_argument("--setting", default="", metavar="NAME", help=f"an ablation: {', '.join(settings)}")
    replay.add_argument("--lambda", type=float, dest="lam", metavar="X", help="the weight of model size in LA-UCT")


def _replay(args: argparse.Namespace) -> int:
    from tvm_litecoop.journal.record import read
    from tvm_litecoop.journal.replay import replay

    records = [record for record in read(args.work_dir) if record.events]
    if not records:
        raise WorkDirError(f"the newest run in {str(args.work_dir)!r} has not begun to search", "tune there first")
    for record in records:
        config = SearchConfig.named(args.setting) if args.setting else record.config
        done = replay(record, config if args.lam is None else config.but(lam=args.lam))
        print(f"{record.identity}, seed {record.seed}")
        for trial, best_s, author in done.curve:
            print(f"{trial:6d} trials  best {best_s * 1e3:.4f} ms by {author}")
        print(done.where_it_ends())
    return 0
