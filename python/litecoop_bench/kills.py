"""A real run killed again and again: `python -m litecoop_bench.kills N`.

Each of N runs of `litecoop tune` is killed (SIGKILL) at a random moment and resumed to its end. Then: no record is
lost or doubled, every trial is charged once, and the tree equals the one that the search makes in one go on the same
recorded answers and measurements (`journal.replay`). Members are the free ones: times are no part of their input.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal import record
from tvm_litecoop.journal.lock import NAME
from tvm_litecoop.journal.replay import replay
from tvm_litecoop.journal.store import FILE
from tvm_litecoop.search.state import State

POOL = "".join(f'[[member]]\nname = "{name}"\nprovider = "{name}"\n' for name in ("expert", "mutator", "surrogate"))
LOADING_S = 300.0
"""Seconds at most until a run has loaded Python and TVM and takes its work directory."""


def main() -> int:
    """Kill, resume, check; 1 where something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, metavar="N")
    parser.add_argument("--workload", default="matmul:64x64x64")
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default 1)")
    args = parser.parse_args()
    rng, held = random.Random(args.seed), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="litecoop-kills-") as folder:
        whole_s = _tune(args, Path(folder) / "whole", None)[1]
        print(f"{args.workload}, {args.trials} trials: {whole_s:.1f} s undisturbed, loading not counted", flush=True)
        for number in range(args.kills):
            work, at_s = Path(folder) / str(number), rng.uniform(0.0, whole_s)
            killed, _ = _tune(args, work, at_s)
            left = _lines(work)
            if not _finished(work):
                _tune(args, work, None)
            found = check(work, args.trials)
            held.update(name for name, good in found.items() if good)
            bad = [name for name, good in found.items() if not good]
            state = f"killed at {at_s:5.1f} s with {left:2d} records" if killed else f"ended before {at_s:5.1f} s"
            print(f"{number + 1:3d}  {state}  {'all held' if not bad else 'FAILED: ' + ', '.join(bad)}", flush=True)
    for name, count in sorted(held.items()):
        print(f"{name}: {count} of {args.kills}")
    return int(any(count < args.kills for count in held.values()) or not held)


def check(work: Path, trials: int) -> dict[str, bool]:
    """What holds of a work directory after its run has ended."""
    lines = (work / "database_tuning_record.json").read_text().splitlines()
    traces = [json.dumps(json.loads(line)[1][0]) for line in lines]
    one = record.read(work)[-1]
    folded, again = State.of(one.events, one.config), replay(one).search.state
    return {
        "journal whole": not (work / f"{FILE}.1").exists(),
        "no record lost": len(lines) >= trials,
        "no record doubled": len(set(traces)) == len(lines) <= trials,
        "trials charged once": folded.trials == trials,
        "same tree in one go": tree_of(folded) == tree_of(again),
    }


def tree_of(state: State) -> list[tuple[Any, ...]]:
    """Everything that a tree is, as plain values."""
    return [
        (n.parent, n.built, n.author, n.member, n.visits, n.throughput, n.best, n.spent, n.closed, n.streak)
        for n in state.tree.nodes
    ]


def _tune(args: argparse.Namespace, work: Path, kill_s: float | None) -> tuple[bool, float]:
    """One run of the command line; whether it was killed, and its seconds since it took its work directory."""
    work.mkdir(exist_ok=True)
    pool, lock = work / "pool.toml", work / NAME
    pool.write_text(POOL)
    lock.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tvm_litecoop.cli", "tune", args.workload, "--trials", str(args.trials)]
    command += ["--work-dir", str(work), "--pool", str(pool)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        begun = time.monotonic()
        while not lock.exists() and running.poll() is None and time.monotonic() < begun + LOADING_S:
            time.sleep(0.01)
        start = time.monotonic()
        try:
            _, said = running.communicate(timeout=kill_s)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.communicate()
            return True, time.monotonic() - start
    if running.returncode:
        raise SystemExit(f"litecoop tune failed: {said}")
    return False, time.monotonic() - start


def _finished(work: Path) -> bool:
    try:
        return record.read(work)[-1].ended
    except (WorkDirError, IndexError):
        return False


def _lines(work: Path) -> int:
    file = work / "database_tuning_record.json"
    return len(file.read_text().splitlines()) if file.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
