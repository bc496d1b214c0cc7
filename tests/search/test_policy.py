"""LA-UCT against figures worked out by hand, φ, widening, and the walk down the tree."""

from __future__ import annotations

import math

import pytest

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.search import policy
from tvm_litecoop.search.tree import Tree
from tvm_litecoop.values import Built, Program


def built(number: int) -> Built:
    return Built(Program(0, (number,)), number)


def tree_with(*throughputs: float | None, member: str = "m") -> Tree:
    tree = Tree(built(0), member)
    for number, throughput in enumerate(throughputs, 1):
        node = tree.add(tree.root, built(number), "a", member, ())
        if throughput is not None:
            tree.set_throughput(node, throughput)
    return tree


def scores_of(tree: Tree, size_scores: dict[str, float], config: SearchConfig) -> list[float]:
    return policy.la_uct(tree, tree.root, list(tree.children(tree.root)), size_scores, config)


def test_phi_is_1_for_the_smallest_0_for_the_largest_and_logarithmic_between() -> None:
    scores = policy.size_scores({"small": 1e8, "middle": 1e9, "large": 1e10})
    assert scores["small"] == 1.0 and scores["large"] == 0.0
    assert scores["middle"] == pytest.approx(0.5)


def test_phi_of_equal_sizes_is_0() -> None:
    assert policy.size_scores({"a": 7.0, "b": 7.0}) == {"a": 0.0, "b": 0.0}


def test_la_uct_is_the_formula_of_the_paper() -> None:
    tree = tree_with(100.0, 50.0)
    slower = tree.nodes[2]
    tree.visit(slower)
    slower.member = "small"
    expected = [
        0.5 * 1.0 + 0.5 * 0.25 + 1.41 * math.sqrt(math.log(4) / 1),
        0.5 * 0.5 + 0.5 * 1.0 + 1.41 * math.sqrt(math.log(4) / 2),
    ]
    assert scores_of(tree, {"m": 0.25, "small": 1.0}, SearchConfig.paper()) == pytest.approx(expected)


@pytest.mark.parametrize(("backup", "value"), [("max", 1.0), ("mean", 0.75)])
def test_what_a_subtree_is_worth(backup: str, value: float) -> None:
    tree = tree_with(50.0)
    tree.set_throughput(tree.add(tree.nodes[1], built(9), "a", "m", ()), 100.0)
    assert scores_of(tree, {}, SearchConfig(c=0.0).but(backup=backup)) == [value]


def test_lambda_is_dropped_where_all_children_have_the_same_size() -> None:
    assert scores_of(tree_with(50.0, 100.0), {"m": 1.0}, SearchConfig(lam=1.0, c=0.0)) == [0.5, 1.0]


def test_a_small_member_is_preferred_among_equals() -> None:
    tree = tree_with(100.0, 100.0)
    tree.nodes[1].member, tree.nodes[2].member = "large", "small"
    scores = {"large": 0.0, "small": 1.0}
    large, small = scores_of(tree, scores, SearchConfig())
    assert small > large


def test_calls_in_flight_count_as_visits() -> None:
    tree = tree_with(100.0, 100.0)
    config = SearchConfig(c=1.0)
    tree.hold(tree.nodes[1], 3)
    busy, idle = scores_of(tree, {"m": 0.0}, config)
    assert idle > busy
    tree.hold(tree.nodes[1], -3)
    assert all(node.pending == 0 for node in tree.nodes)


@pytest.mark.parametrize(("visits", "expected"), [(1, 2), (4, 4), (9, 6), (10_000, 48)])
def test_widening(visits: int, expected: int) -> None:
    assert policy.max_children(visits, SearchConfig(width=2, growth=0.5)) == expected
    assert policy.max_children(visits, SearchConfig.paper()) == 2


def test_the_walk_ends_at_the_root_while_nothing_is_known() -> None:
    tree = tree_with(None, None, None)
    assert policy.select(tree, {"m": 0.0}, SearchConfig.paper()) is tree.root


def test_the_walk_goes_down_where_the_width_is_used_up() -> None:
    tree = tree_with(10.0, 100.0)
    found = policy.select(tree, {"m": 0.0}, SearchConfig.paper().but(c=0.0))
    assert found is tree.nodes[2]


def test_the_walk_steps_back_from_a_blocked_branch() -> None:
    tree = tree_with(100.0, 10.0)
    blocked = tree.nodes[1]
    tree.add(blocked, built(9), "a", "m", ())  # not measured yet: no way down
    tree.set_spent(blocked)
    tree.set_spent(tree.root)
    assert policy.select(tree, {"m": 0.0}, SearchConfig.paper()) is tree.nodes[2]


def test_an_exhausted_tree_has_nothing_to_select() -> None:
    tree = tree_with(100.0)
    for node in (tree.nodes[1], tree.root):
        tree.set_spent(node)
    assert tree.root.exhausted
    assert policy.select(tree, {"m": 0.0}, SearchConfig()) is None


def test_exhaustion_travels_upward_and_a_new_child_takes_it_back() -> None:
    tree = tree_with(100.0)
    child = tree.nodes[1]
    tree.set_spent(tree.root)
    assert not tree.root.exhausted
    tree.set_spent(child)
    assert tree.root.exhausted
    tree.add(child, built(5), "a", "m", ())
    assert not child.exhausted and not tree.root.exhausted


@pytest.mark.parametrize("wrong", [{"lam": 1.5}, {"c": -1.0}, {"width": 0.0}, {"backup": "median"}, {"patience": 0}])
def test_settings_out_of_range_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SearchConfig().but(**wrong)


def test_an_unknown_setting_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="known settings: lam, c,"):
        SearchConfig().but(lambda_=1.0)


def test_a_very_deep_tree_is_walked() -> None:
    tree = Tree(built(0), "m")
    node = tree.root
    for number in range(1, 3000):
        tree.set_throughput(node, 1.0)
        node = tree.add(node, built(number), "a", "m", ())
    tree.set_throughput(node, 1.0)
    assert policy.select(tree, {"m": 0.0}, SearchConfig(width=1, growth=0.0)) is node
