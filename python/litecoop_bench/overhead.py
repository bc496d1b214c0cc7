"""Milliseconds of one tree step, and memory of the process, as the tree grows: `python -m litecoop_bench.overhead`.

Real TVM programs, replayed and postprocessed for real; only the run times are made up (labelled *simulated*), because
nothing is built or run here. With the free members alone: what a model takes is not the tree's.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from typing import Any

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.providers import FREE
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Measurement

STEPS = 200


def main() -> None:
    """Print one row per size of the tree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="?", default="matmul:512x512x512")
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 1000, 10_000])
    args = parser.parse_args()
    search = _search(args.workload)
    print(f"{args.workload}, simulated run times; median milliseconds of {STEPS} steps")
    print(f"{'nodes':>6}  {'a step':>8}  {'replay':>8}  {'members':>8}  {'the tree':>8}  {'peak MB':>8}")
    for size in sorted(args.nodes):
        _grow(search, size)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        columns = [*_step_ms(search), peak_mb]
        print(f"{len(search.tree):6d}" + "".join(f"  {value:8.2f}" for value in columns), flush=True)


def _search(workload: str) -> Search:
    from litecoop_bench.tasks import space_of

    return Search(space_of(workload), Pool.built_in(*FREE), SearchConfig(), seed=1)


def _grow(search: Search, size: int) -> None:
    while len(search.tree) < size:
        batch = search.ask(16)
        if not batch:
            raise SystemExit("the space is exhausted before the tree is that large")
        search.tell([Measurement(node.id, _simulated(node.built.key)) for node in batch])


def _step_ms(search: Search) -> list[float]:
    """Medians of a step, of TVM's replay and postprocs in it, of the free members' thinking in it, and of the rest."""
    replay, members = _Clock(search.space, "apply"), _Clock(search.pool, "start")
    steps: list[tuple[float, ...]] = []
    for _ in range(STEPS):
        replay.spent = members.spent = 0.0
        start = time.perf_counter()
        search.step()
        total = time.perf_counter() - start
        steps.append((total, replay.spent, members.spent, total - replay.spent - members.spent))
    replay.stop()
    members.stop()
    return [statistics.median(column) * 1e3 for column in zip(*steps, strict=True)]


class _Clock:
    """Adds up the seconds spent in a method of an object, until it is stopped."""

    def __init__(self, owner: object, name: str) -> None:
        self.spent = 0.0
        self._owner, self._name, self._method = owner, name, getattr(owner, name)
        setattr(owner, name, self._timed)

    def stop(self) -> None:
        """Leave the object as it was."""
        delattr(self._owner, self._name)

    def _timed(self, *args: Any, **settings: Any) -> Any:
        start = time.perf_counter()
        try:
            return self._method(*args, **settings)
        finally:
            self.spent += time.perf_counter() - start


def _simulated(key: int) -> float:
    """Made-up seconds, fixed for a program."""
    return 1e-3 * (1 + key % 997 / 100)


if __name__ == "__main__":
    main()
