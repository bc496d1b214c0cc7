"""The tree policy: LA-UCT, the size term φ, and progressive widening. Pure functions over the tree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.search.tree import Node, Tree


def size_scores(params: Mapping[str, float]) -> dict[str, float]:
    """φ of every member: 1 for the smallest, 0 for the largest, linear in the logarithm of the size.

    `φ(m) = (ln P_max - ln P_m) / (ln P_max - ln P_min)` (arXiv 2602.01935, section 3). All sizes equal gives 0 for
    all, which drops the term.

    Args:
        params: Parameter count of each member, all positive.
    """
    logs = {name: math.log(size) for name, size in params.items()}
    low, high = min(logs.values()), max(logs.values())
    if high == low:
        return dict.fromkeys(params, 0.0)
    return {name: (high - value) / (high - low) for name, value in logs.items()}


def max_children(visits: int, config: SearchConfig) -> int:
    """Children a node may have after so many visits: `ceil(a * N ** b)`, but no more than `most_children`."""
    return min(config.most_children, math.ceil(config.width * math.pow(max(1, visits), config.growth)))


def la_uct(
    tree: Tree, parent: Node, children: Sequence[Node], size_scores: Mapping[str, float], config: SearchConfig
) -> list[float]:
    """`(1-λ)·Q + λ·φ + c·sqrt(ln N(parent) / N(child))` of each child (arXiv 2602.01935, section 3).

    Q is the throughput of the child's subtree relative to the best known. Calls in flight count as visits (virtual
    loss). λ counts as 0 where the members of all children have the same φ, so that a pool of one size is plain UCT.

    Args:
        tree: The tree.
        parent: A node.
        children: Some of its children, each with a value somewhere in its subtree.
        size_scores: φ of each member.
        config: Supplies λ, c and what a subtree is worth.
    """
    sizes = [size_scores.get(child.member, 0.0) for child in children]
    lam = config.lam if len(set(sizes)) > 1 else 0.0
    top = tree.root.best or 1.0
    by_best, c = config.backup == "max", config.c
    log_visits = math.log(max(1, parent.visits + parent.pending))
    return [
        (1 - lam) * (child.best if by_best else child.total / child.valued) / top
        + lam * size
        + c * math.sqrt(log_visits / (child.visits + child.pending))
        for child, size in zip(children, sizes, strict=True)
    ]


def select(tree: Tree, size_scores: Mapping[str, float], config: SearchConfig) -> Node | None:
    """Walk down from the root to the node to expand next; None where nothing can be expanded now.

    A node stops the walk while it may have another child. Only children whose value is known are walked into: an
    unmeasured program says nothing about its neighbourhood. Where every way down is blocked the walk
    steps back and the node widens beyond its limit instead, so selection never spins.
    """
    node = tree.root
    path: list[tuple[Node, list[Node]]] = []  # nodes passed through, each with the children not tried yet
    while True:
        if not node.exhausted and _has_room(node, config):
            return node
        path.append((node, [] if node.exhausted else tree.open_children(node)))
        while path and not path[-1][1]:
            blocked, _ = path.pop()
            if not (blocked.spent or blocked.exhausted):
                return blocked
        if not path:
            return None
        parent, untried = path[-1]
        scores = la_uct(tree, parent, untried, size_scores, config)
        node = untried.pop(scores.index(max(scores)))  # the oldest of equals


def _has_room(node: Node, config: SearchConfig) -> bool:
    return not node.spent and len(node.children) + node.flying < max_children(node.visits, config)
