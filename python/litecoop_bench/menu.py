"""Does every directed edit that the menu offers replay? `python -m litecoop_bench.menu --programs 1000`.

Random programs from the spaces of all built-in workloads; for each, some values of every site. An edit must give a
program or be refused by a postproc with a reason; anything else is printed and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter

from litecoop_bench.tasks import space_of
from tvm_litecoop.sites import Value
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.values import Built, Program, Rejection, Resample, SetDecision, Why


def main() -> None:
    """Print the outcomes per workload."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000, help="in all, over the workloads (default 1000)")
    parser.add_argument("--values", type=int, default=3, help="values tried per site (default 3)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    from tvm_litecoop.workloads import BUILTIN

    failures = 0
    share = -(-args.programs // len(BUILTIN))
    for name in BUILTIN:
        space, rng = space_of(name), random.Random(args.seed)
        outcomes: Counter[str] = Counter()
        for _ in range(share):
            outcomes += _try_all(space, _draw(space, rng), args.values, rng)
        failures += outcomes["NOT EXPECTED"]
        print(f"{name}: {share} programs, {dict(sorted(outcomes.items()))}")
    sys.exit(1 if failures else 0)


def _draw(space: TvmSpace, rng: random.Random) -> Program:
    """A random program that survives; the first one of the space where draws keep failing."""
    start = space.initial()
    assert isinstance(start, Built)
    for _ in range(20):
        built = space.apply(
            start.program, [[Resample(rng.randrange(len(space.sketches)), rng.randrange(1, 2**31 - 1))]]
        )[0]
        if isinstance(built, Built):
            return built.program
    return start.program


def _try_all(space: TvmSpace, program: Program, values: int, rng: random.Random) -> Counter[str]:
    edits: list[list[SetDecision]] = []
    for site in space.view(program).sketch.sites:
        menu: list[Value] = list(site.domain)
        edits += [[SetDecision(site.name, value)] for value in rng.sample(menu, min(values, len(menu)))]
    outcomes: Counter[str] = Counter()
    for (edit,), outcome in zip(edits, space.apply(program, edits), strict=True):
        if isinstance(outcome, Built):
            outcomes["moved by TVM" if outcome.moved else "as asked"] += 1
        elif isinstance(outcome, Rejection) and outcome.why is Why.POSTPROC and outcome.detail:
            outcomes[f"refused by {outcome.detail}"] += 1
        else:
            outcomes["NOT EXPECTED"] += 1
            print(f"{program} {edit}: {outcome}")
    return outcomes


if __name__ == "__main__":
    main()
