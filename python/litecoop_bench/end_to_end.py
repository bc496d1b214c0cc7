"""Whole models by both searches: `python -m litecoop_bench.end_to_end`.

Every model is tuned by TVM's evolutionary search and by ours, as `litecoop tune MODEL --compare evolutionary` does:
TVM's with its own builder and runner, in TVM's design spaces, without fast math; ours with the embedded pool, warm
builder and runner, cold weights, fast math and `LiteCoOpSpace`. Both have the same trials on the same kernels, one
after the other; both compiled models are then timed in turns, in one process, together with the untuned one. A rerun
skips what is finished.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tvm_litecoop.errors import ConfigError, LiteCoOpError
from tvm_litecoop.intervals import interval
from tvm_litecoop.model_files.reading import needed


def main() -> int:
    """Tune, print; 1 where a model is wrong or a run failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["resnet18", "decoder"], metavar="MODEL")
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--small", action="store_true", help="the sizes of the tests")
    parser.add_argument("--pool", default="", help="a pool file for our search (default: the embedded pool)")
    parser.add_argument("--out", type=Path, default=Path("litecoop-work/end-to-end"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Any]] = {}
    try:
        _check(args.models)
        for seed in args.seeds:
            for name in args.models:
                result = _tuned(name, seed, args)
                if result is None:
                    return 1
                found.setdefault(name, []).append(result)
    except LiteCoOpError as error:
        raise SystemExit(str(error)) from None
    Console(width=120).print(table(found))
    return int(not all(one["correct"] for runs in found.values() for pair in runs for one in pair))


def _check(names: list[str]) -> None:
    """Now rather than after the first model."""
    needed("torch", "torch (or: make setup-models)", names[0])

    from litecoop_bench.models import MODELS

    if unknown := [name for name in names if name not in MODELS]:
        raise ConfigError(f"unknown model {unknown[0]!r}", f"choose from {', '.join(MODELS)}")


def table(found: dict[str, list[Any]]) -> Table:
    """Both searches side by side.

    Args:
        found: By model, for each seed the outcomes of both searches as `--json` has them.
    """
    shown = Table(box=None, pad_edge=False, padding=(0, 1))
    for number, column in enumerate(("model", "seed", "untuned ms", "evolutionary", "litecoop", "speed", "tuning")):
        shown.add_column(column, justify="right" if number else "left")
    for name, runs in found.items():
        for theirs, ours in runs:
            pairs = zip(theirs["rounds_ms"], ours["rounds_ms"], strict=False)
            faster = interval([[theirs_ms / ours_ms for theirs_ms, ours_ms in pairs]])
            shown.add_row(
                name,
                str(ours["seed"]),
                f"{ours['untuned_ms'][0]:.4g}",
                *(f"{one['final_ms'][0]:.4g} ms in {one['seconds']['total']:.0f} s" for one in (theirs, ours)),
                str(faster),
                f"{theirs['seconds']['total'] / ours['seconds']['total']:.2f}x",
            )
    return shown


def _tuned(name: str, seed: int, args: argparse.Namespace) -> Any:
    """The outcomes of both searches on one model; None where the run failed."""
    pool = f".{Path(args.pool).stem}" if args.pool else ""
    stem = f"{name}{'-small' if args.small else ''}.{args.trials}.{seed}{pool}"
    file, result = args.out / f"{stem}.pt2", args.out / f"{stem}.json"
    if _outcomes(result) is None:
        draft = result.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        _export(name, file, small=args.small)
        command = [sys.executable, "-m", "tvm_litecoop.cli", "tune", str(file), "--trials", str(args.trials)]
        command += ["--compare", "evolutionary", "--seed", str(seed), "--work-dir", str(args.out / stem), "--fresh"]
        command += ["--json", str(draft), *(["--pool", args.pool] if args.pool else [])]
        print(" ".join(command), flush=True)
        subprocess.run(command, check=False)
        if _outcomes(draft) is not None:
            draft.replace(result)
    return _outcomes(result)


def _outcomes(file: Path) -> Any:
    """Of both searches; None where a run did not get so far, or was stopped."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    both = isinstance(found, list) and len(found) == 2 and not any(one["interrupted"] for one in found)
    return found if both else None


def _export(name: str, file: Path, *, small: bool) -> None:
    import torch

    from litecoop_bench.models import MODELS, SMALL

    network, inputs = MODELS[name](**(SMALL[name] if small else {}))
    torch.export.save(torch.export.export(network, inputs), str(file))


if __name__ == "__main__":
    sys.exit(main())
