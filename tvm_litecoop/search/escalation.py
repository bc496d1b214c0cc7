"""When a step is handed to the largest member: "course alteration" in arXiv 2602.01935."""

from __future__ import annotations

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.search.tree import Node, Tree


def is_regression(parent: Node, child: Node, noise: float) -> bool:
    """Whether the child is slower than its parent by more than the noise. Both must have a value."""
    if parent.throughput is None or child.throughput is None:
        return False
    return child.throughput < parent.throughput * (1.0 - noise)


def update_streak(tree: Tree, child: Node, small: bool, config: SearchConfig) -> bool:
    """Book a valued child and say whether its parent's next step belongs to the largest member.

    `K` regressions in a row by small members on one path hand the step on the last parent to the largest member. The
    regressing child is closed for selection (its measurement stays) and the streak of the path starts again.

    Args:
        tree: The tree; streaks and the closed mark are written to it.
        child: A node that has just been given its value.
        small: Whether its author is smaller than the largest member.
        config: Supplies `K` (`escalate_after`) and the noise.

    Returns:
        True when the parent is to be escalated.
    """
    parent = tree.parent(child)
    if parent is None or not config.escalate_after:
        return False
    if not (small and is_regression(parent, child, config.noise)):
        child.streak = 0
        return False
    child.streak = parent.streak + 1
    if child.streak < config.escalate_after:
        return False
    parent.streak = child.streak = 0
    tree.close(child)
    return True
