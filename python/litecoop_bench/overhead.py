"""Milliseconds of one tree step as the tree grows: `python -m litecoop_bench.overhead`.

Real TVM programs, replayed and postprocessed for real; only the run times are made up (labelled *simulated*), because
nothing is built or run here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Measurement

STEPS = 60


def main() -> None:
    """Print one row per size of the tree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="?", default="matmul:512x512x512")
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 1000, 10_000])
    args = parser.parse_args()
    search = _search(args.workload)
    print(f"{args.workload}, simulated run times; median of {STEPS} steps")
    for size in sorted(args.nodes):
        _grow(search, size)
        print(f"{len(search.tree):6d} nodes: {_step_ms(search):.2f} ms a step")


def _search(workload: str) -> Search:
    from litecoop_bench.tasks import space_of

    return Search(space_of(workload), Pool.default(), SearchConfig(), seed=1)


def _grow(search: Search, size: int) -> None:
    while len(search.tree) < size:
        batch = search.ask(16)
        if not batch:
            raise SystemExit("the space is exhausted before the tree is that large")
        search.tell([Measurement(node.id, _simulated(node.built.key)) for node in batch])


def _step_ms(search: Search) -> float:
    times: Sequence[float] = [_timed(search) for _ in range(STEPS)]
    return statistics.median(times) * 1e3


def _timed(search: Search) -> float:
    start = time.perf_counter()
    search.step()
    return time.perf_counter() - start


def _simulated(key: int) -> float:
    """Made-up seconds, fixed for a program."""
    return 1e-3 * (1 + key % 997 / 100)


if __name__ == "__main__":
    main()
