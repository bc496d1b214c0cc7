"""The tree of a task as columns: one list for each field, texts by number. Ten thousand nodes stay small that way."""

from __future__ import annotations

import math
from typing import Any

from tvm_litecoop.report.story import Story
from tvm_litecoop.report.words import Names, edits
from tvm_litecoop.search.tree import Node

CLOSED, EXHAUSTED, WAITING, RUNNING, DROPPED = 1, 2, 4, 8, 16
"""Marks of a node, added up."""
DIGITS = 4


def columns(story: Story, by_best: bool) -> dict[str, Any]:
    """The fields of all nodes.

    Args:
        story: Of the task.
        by_best: Whether a node is worth its best program, rather than the mean of its subtree.

    Returns:
        Lists by field, as long as the tree has nodes: `parent`, `author`, `next`, `edits`, `decisions`, `reason` (texts
        and lists of texts, by their number in `texts`), `step`, `trial`, `ms` (null where it was not measured or
        failed), `predicted`, `visits`, `value` (relative to the best), `marks`. Fields that few nodes have are
        objects by node: `errors`, `runs` (fewest, most, count of the timings in ms), `moved`, `handed`, `refused` (how
        many, then the newest as author, edits, reason).
    """
    tree, texts = story.state.tree, _Texts()
    names, top = Names(tree), tree.root.best
    nodes = list(zip(tree.nodes, story.notes, strict=True))
    return {
        "parent": [node.parent for node in tree.nodes],
        "author": [texts(node.author) for node in tree.nodes],
        "next": [texts(node.member) for node in tree.nodes],
        "edits": [list(map(texts, edits(node.edits))) for node in tree.nodes],
        "decisions": [list(map(texts, names.decisions(node.built.program))) for node in tree.nodes],
        "sketch": [node.built.program.sketch for node in tree.nodes],
        "reason": [texts(note.reason) for note in story.notes],
        "step": [note.step for note in story.notes],
        "trial": [note.trial for note in story.notes],
        "ms": [_ms(node) for node in tree.nodes],
        "predicted": [None if note.predicted is None else _short(note.predicted) for note in story.notes],
        "visits": [node.visits for node in tree.nodes],
        "value": [_value(node, top, by_best) for node in tree.nodes],
        "marks": [_marks(node, story) for node in tree.nodes],
        "errors": {node.id: node.error for node in tree.nodes if node.error},
        "runs": {
            n.id: [_short(min(s.run_s) * 1e3), _short(max(s.run_s) * 1e3), len(s.run_s)] for n, s in nodes if s.run_s
        },
        "moved": {node.id: list(node.built.moved) for node in tree.nodes if node.built.moved},
        "handed": {node.id: note.handed for node, note in nodes if note.handed},
        "refused": {
            node.id: [note.refusals, *([who, edits(what), why] for who, what, why in note.refused)]
            for node, note in nodes
            if note.refused
        },
        "texts": texts.known,
    }


class _Texts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._numbers: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self.known))
        if number == len(self.known):
            self.known.append(text)
        return number


def _ms(node: Node) -> float | None:
    return _short(1e3 / node.throughput) if node.measured and node.throughput else None


def _value(node: Node, top: float, by_best: bool) -> float | None:
    """What its subtree is worth in the walk (Q of LA-UCT); None while nothing there has a value."""
    if not node.valued or not top:
        return None
    return _short((node.best if by_best else node.total / node.valued) / top)


def _marks(node: Node, story: Story) -> int:
    waiting, running = node.id in story.state.waiting, node.id in story.state.running
    dropped = node.id > 0 and not (node.measured or waiting or running)
    marks = (
        (CLOSED, node.closed),
        (EXHAUSTED, node.exhausted),
        (WAITING, waiting),
        (RUNNING, running),
        (DROPPED, dropped),
    )
    return sum(bit for bit, on in marks if on)


def _short(number: float) -> float | None:
    """With the digits that mean something; None for no number, as another cost model may have predicted."""
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
