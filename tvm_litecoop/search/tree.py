"""The shared tree: nodes, their visits and values, and which of them can still yield something new.

Values are kept as throughputs (runs per second), so that a better best changes every relative value without touching
a node. Invariants, checked by the property tests:

- visits of a node >= the sum of its children's visits;
- `best` of a node = the largest throughput in its subtree; `total` and `valued` = their sum and count;
- a node is exhausted iff it is spent or closed and all its children are exhausted;
- `pending` (virtual loss) is 0 everywhere when no call is in flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tvm_litecoop.values import Built, Edit
from tvm_litecoop.view import History


@dataclass(slots=True)
class Node:
    """A program in the tree and the member that will act on it.

    Attributes:
        id: Position in the tree; parents come before children.
        parent: Id of the parent, -1 for the root.
        built: The program and its identity.
        author: Member that proposed it; empty for the root.
        member: Member that acts here next.
        edits: What the author changed against the parent.
        throughput: Runs per second; None while it is not measured; 0 where it failed to build or run.
        error: What is said of the failure, in one line, if it failed.
        visits: Times a step passed through, own creation included.
        pending: Calls in flight below or at this node (virtual loss).
        flying: Of those, the ones about this very node.
        refused: The last proposals here that could not be used, with the reason.
        vain: Directed edits that were made here and did not give the program they ask for.
        barren: How much speaks for nothing new being here, counted over expansions in a row without a new program.
        streak: Regressions in a row on the path that ends here.
        spent: True when expanding it further yields nothing new.
        closed: True when escalation has closed it for selection.
        exhausted: True when nothing new can come from its subtree.
    """

    id: int
    parent: int
    built: Built
    author: str
    member: str
    edits: tuple[Edit, ...] = ()
    throughput: float | None = None
    error: str = ""
    visits: int = 0
    pending: int = 0
    flying: int = 0
    barren: int = 0
    streak: int = 0
    spent: bool = False
    closed: bool = False
    exhausted: bool = False
    best: float = 0.0
    total: float = 0.0
    valued: int = 0
    children: list[int] = field(default_factory=list)
    refused: list[tuple[tuple[Edit, ...], str]] = field(default_factory=list)
    vain: set[frozenset[Edit]] = field(default_factory=set)

    @property
    def measured(self) -> bool:
        """Whether the hardware has spoken."""
        return self.throughput is not None


class Tree:
    """The nodes of one task."""

    def __init__(self, root: Built, member: str) -> None:
        self.nodes: list[Node] = [Node(0, -1, root, author="", member=member)]
        self.history = History()
        self.history.know(root.program)
        self.visit(self.root)

    @property
    def root(self) -> Node:
        """The node every path starts at."""
        return self.nodes[0]

    def __len__(self) -> int:
        return len(self.nodes)

    def children(self, node: Node) -> Iterator[Node]:
        """The children of a node, oldest first."""
        return (self.nodes[i] for i in node.children)

    def open_children(self, node: Node) -> list[Node]:
        """Those of its children that a walk may go into: a value is known there and something new may come."""
        nodes = self.nodes
        return [child for i in node.children if (child := nodes[i]).valued and not child.exhausted]

    def parent(self, node: Node) -> Node | None:
        """The parent of a node; None for the root."""
        return self.nodes[node.parent] if node.parent >= 0 else None

    def path(self, node: Node) -> Iterator[Node]:
        """The node and its ancestors up to the root."""
        while True:
            yield node
            if node.parent < 0:
                return
            node = self.nodes[node.parent]

    @property
    def best(self) -> Node | None:
        """The fastest node; None before the first one has a value. Follows the best of each subtree down."""
        node = self.root
        if not node.best:
            return None
        while node.throughput != node.best:
            node = max(self.children(node), key=lambda child: child.best)
        return node

    def add(self, parent: Node, built: Built, author: str, member: str, edits: tuple[Edit, ...]) -> Node:
        """Attach a child and count its creation as a visit of its whole path."""
        child = Node(len(self.nodes), parent.id, built, author, member, edits)
        self.nodes.append(child)
        self.history.know(built.program)
        parent.children.append(child.id)
        self.visit(child)
        self._update_exhausted(parent)
        return child

    def visit(self, node: Node) -> None:
        """Count one visit along the path to the root."""
        for ancestor in self.path(node):
            ancestor.visits += 1

    def hold(self, node: Node, calls: int = 1) -> None:
        """Add the virtual loss of calls about a node along its path (negative to take it back)."""
        node.flying += calls
        for ancestor in self.path(node):
            ancestor.pending += calls

    def set_throughput(self, node: Node, throughput: float) -> None:
        """Give a node its value, once, and bring every sum and best on the path up to date."""
        node.throughput = throughput
        self.history.add(node.built.program, throughput)
        for ancestor in self.path(node):
            ancestor.total += throughput
            ancestor.valued += 1
            ancestor.best = max(ancestor.best, throughput)

    def set_spent(self, node: Node) -> None:
        """Mark that expanding the node yields nothing new."""
        node.spent = True
        self._update_exhausted(node)

    def close(self, node: Node) -> None:
        """Close a node for selection; its measurements stay."""
        node.closed = True
        self._update_exhausted(node)

    def _update_exhausted(self, node: Node) -> None:
        for ancestor in self.path(node):
            done = ancestor.closed or (ancestor.spent and all(child.exhausted for child in self.children(ancestor)))
            if done == ancestor.exhausted:
                return
            ancestor.exhausted = done
