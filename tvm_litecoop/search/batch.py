"""A batch: which of the waiting programs it holds, and what its results say of their authors. Pure functions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.search.events import Result
from tvm_litecoop.search.tree import Tree
from tvm_litecoop.values import Measurement


def best(
    waiting: Sequence[int], scores: Sequence[float], count: int, config: SearchConfig, rng: random.Random
) -> tuple[list[int], list[int]]:
    """The nodes to measure where predictions are trusted, and the nodes to drop.

    Args:
        waiting: Unmeasured nodes.
        scores: What is predicted of each, higher is faster.
        count: Size of the batch.
        config: Supplies the share that is measured without regard to predictions, and how many more may wait.
        rng: For that share.
    """
    predicted = dict(zip(waiting, scores, strict=True))
    order = sorted(waiting, key=lambda node: -predicted[node])
    share = count * config.epsilon
    explore = round(share) or int(rng.random() < share)
    split = min(len(order), count - explore)
    first, rest = order[:split], order[split:]
    lucky = rng.sample(rest, min(explore, len(rest)))
    left = [node for node in rest if node not in lucky]
    return first + lucky, left[count * (config.oversample - 1) :]


def judged(tree: Tree, measured: Iterable[Measurement], small: Callable[[str], bool]) -> Iterator[Result]:
    """Results with what each says of its author: whether it beats the program it was made from, and the best so far.

    Args:
        tree: As it is before the results.
        measured: In the order in which they are booked.
        small: Whether a larger member than an author can be asked.
    """
    record = tree.root.best
    known: dict[int, float] = {}
    for one in measured:
        node = tree.nodes[one.node]
        parent, base = tree.parent(node), record
        if parent is not None and (parent.measured or parent.id in known):
            base = known.get(parent.id, parent.throughput or 0.0)
        yield Result(one, one.throughput > base, one.throughput > record, small(node.author))
        known[node.id] = one.throughput
        record = max(record, one.throughput)
