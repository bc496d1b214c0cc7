"""What of the tree the acting member sees: its node, the way to it, the best, what failed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search.space import Space
from tvm_litecoop.search.tree import Node, Tree
from tvm_litecoop.view import Shown, View

ABOVE = 3
"""Programs of a path that are shown: the node, its parent, its grandparent."""


def view_of(tree: Tree, node: Node, space: Space, pool: Pool, config: SearchConfig) -> View:
    """The view of one node."""
    return replace(
        space.view(node.built.program),
        root=node.parent < 0,
        noise=config.noise,
        path=_Programs(space, [n for n, _ in zip(tree.path(node), range(ABOVE), strict=False)]),
        best=_Best(space, tree),
        tried=_Programs(space, [tree.nodes[i] for i in reversed(node.children)]),
        rivals=node.flying,
        refused=tuple(node.refused),
        vain=node.vain,
        colleagues=pool.roster(),
        budget=pool.budget.left(),
        history=tree.history,
        directed=config.directed,
    )


@dataclass(frozen=True)
class _Programs(Sequence[Any]):
    """Nodes as they are shown, made when one is looked at: the free members look at none."""

    space: Space
    nodes: list[Node]

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self.nodes)))]
        node = self.nodes[index]
        return Shown(
            sketch=self.space.view(node.built.program).sketch,
            author=node.author,
            edits=node.edits,
            seconds=_seconds(node),
            error=node.error,
            moved=node.built.moved,
            loops=self.space.loops(node.built.program),
        )


class _Best(Sequence[Any]):
    """The fastest program, if there is one; looked for when it is looked at, because that walks down the tree."""

    def __init__(self, space: Space, tree: Tree) -> None:
        self._space, self._tree = space, tree

    def __len__(self) -> int:
        return int(self._tree.root.best > 0)

    def __getitem__(self, index: Any) -> Any:
        best = self._tree.best
        return _Programs(self._space, [best] if best is not None else [])[index]


def _seconds(node: Node) -> float | None:
    return 1.0 / node.throughput if node.measured and node.throughput else None
