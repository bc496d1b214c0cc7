"""The tree policy: LA-UCT, the size term φ, and progressive widening. Pure functions over the tree."""

from __future__ import annotations

import math
from collections.abc import Mapping

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


def node_value(tree: Tree, node: Node, config: SearchConfig) -> float:
    """Q of a node in [0, 1]: throughput of its subtree relative to the best known.

    A node without a value yet takes its nearest valued ancestor's; 1 (optimism) where nothing is valued.
    """
    if not node.valued:
        node = next((ancestor for ancestor in tree.path(node) if ancestor.valued), node)
    if not node.valued:
        return 1.0
    top = tree.root.best
    worth = node.best if config.backup == "max" else node.total / node.valued
    return worth / top if top > 0 else 0.0


def la_uct(tree: Tree, parent: Node, child: Node, size_score: float, lam: float, config: SearchConfig) -> float:
    """`(1-λ)·Q + λ·φ + c·sqrt(ln N(parent) / N(child))`, calls in flight counted as visits (virtual loss)."""
    n_parent, n_child = parent.visits + parent.pending, child.visits + child.pending
    explore = config.c * math.sqrt(math.log(max(1, n_parent)) / max(1, n_child))
    return (1 - lam) * node_value(tree, child, config) + lam * size_score + explore


def best_child(
    tree: Tree, parent: Node, candidates: list[Node], scores: Mapping[str, float], config: SearchConfig
) -> Node:
    """The candidate with the highest LA-UCT score; the oldest of equals.

    λ counts as 0 where all candidates' members have the same φ, so that a pool of one size is plain UCT.
    """
    sizes = {scores.get(child.member, 0.0) for child in candidates}
    lam = config.lam if len(sizes) > 1 else 0.0
    return max(
        candidates,
        key=lambda child: la_uct(tree, parent, child, scores.get(child.member, 0.0), lam, config),
    )


def select(tree: Tree, scores: Mapping[str, float], config: SearchConfig) -> Node | None:
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
        open_children = [child for child in tree.children(node) if child.valued and not child.exhausted]
        path.append((node, [] if node.exhausted else open_children))
        while path and not path[-1][1]:
            blocked, _ = path.pop()
            if not (blocked.spent or blocked.exhausted):
                return blocked
        if not path:
            return None
        parent, untried = path[-1]
        node = best_child(tree, parent, untried, scores, config)
        untried.remove(node)


def _has_room(node: Node, config: SearchConfig) -> bool:
    return not node.spent and len(node.children) + node.flying < max_children(node.visits, config)
