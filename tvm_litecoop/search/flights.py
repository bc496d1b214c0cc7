"""Calls of one search that fly: the nodes they are about are under virtual loss until the answers have landed."""

from __future__ import annotations

from tvm_litecoop.models.base import Answer
from tvm_litecoop.models.calls import Flight
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search.tree import Node, Tree


class Flights:
    """The calls under way, oldest first."""

    def __init__(self, tree: Tree, pool: Pool) -> None:
        self._tree, self._pool = tree, pool
        self._flying: list[tuple[Node, Flight]] = []

    def __len__(self) -> int:
        return len(self._flying)

    def launch(self, node: Node, flight: Flight) -> None:
        """A call about a node is made."""
        self._tree.hold(node)
        node.flying += 1
        self._flying.append((node, flight))

    def landed(self, *, wait: bool) -> list[tuple[Node, str, Answer]]:
        """Take in the answers that are there, in the order they were asked for: node, author, answer, booked.

        Args:
            wait: Stand still until there is at least one, unless nothing flies.
        """
        if wait:
            self._pool.calls.wait_for_one([flight for _, flight in self._flying])
        done: list[tuple[Node, Flight]] = []
        flying: list[tuple[Node, Flight]] = []
        for node, flight in self._flying:
            (done if flight.done else flying).append((node, flight))  # asked once: it may end at any moment
        self._flying = flying
        for node, _ in done:
            self._tree.hold(node, -1)
            node.flying -= 1
        return [(node, flight.account, self._pool.settle(flight)) for node, flight in done]

    def close(self, wait_s: float) -> None:
        """Book what lands within so many seconds, and give up the rest."""
        self._pool.calls.wait_for_all([flight for _, flight in self._flying], wait_s)
        for node, flight in self._flying:
            self._tree.hold(node, -1)
            node.flying -= 1
            if flight.done:
                self._pool.settle(flight)
            else:
                self._pool.give_up(flight)
        self._flying.clear()
