"""Invariants of the tree and the loop under random histories (Hypothesis)."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from test_loop import walker

from toy import ToySpace, pool_of, toy_seconds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.search.loop import Search
from tvm_litecoop.search.trust import Trust
from tvm_litecoop.values import Measurement

histories = st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.booleans()), min_size=1, max_size=12)
"""Rounds: size of the batch, whether it is told at once, whether the next one is proposed before."""
configs = st.builds(
    SearchConfig,
    c=st.floats(0, 2),
    width=st.integers(1, 4),
    growth=st.floats(0, 1),
    backup=st.sampled_from(["mean", "max"]),
    escalate_after=st.integers(0, 3),
    proposals_per_call=st.integers(1, 3),
)


def check_invariants(search: Search) -> None:
    tree = search.tree
    for node in tree.nodes:
        children = list(tree.children(node))
        assert node.visits >= sum(child.visits for child in children)
        assert node.pending == 0
        own = [] if node.throughput is None else [node.throughput]
        assert node.valued == len(own) + sum(child.valued for child in children)
        assert abs(node.total - sum(own) - sum(child.total for child in children)) < 1e-6
        assert node.best == max([*own, *(child.best for child in children)], default=0.0)
        done = node.closed or (node.spent and all(child.exhausted for child in children))
        assert node.exhausted == done
    keys = [node.built.key for node in tree.nodes]
    assert len(keys) == len(set(keys))


@settings(max_examples=60)
@given(history=histories, config=configs, seed=st.integers(1, 2**31 - 1), digits=st.integers(1, 4))
def test_invariants_hold_after_any_history(
    history: list[tuple[int, bool, bool]], config: SearchConfig, seed: int, digits: int
) -> None:
    search = Search(ToySpace(digits, 3), pool_of(walker(), walker("other")), config, seed)
    late: list[Measurement] = []
    for count, at_once, prepares in history:
        results = [Measurement(n.id, toy_seconds(n.built.program) if n.id % 5 else None) for n in search.ask(count)]
        if prepares:
            search.prepare(count)
            check_invariants(search)
        late += results
        if at_once:
            search.tell(late)
            late = []
        check_invariants(search)
    search.tell(late)
    check_invariants(search)


@settings(max_examples=40)
@given(seed=st.integers(1, 2**31 - 1), config=configs)
def test_same_seed_same_tree(seed: int, config: SearchConfig) -> None:
    def tree() -> list[object]:
        search = Search(ToySpace(3, 4), pool_of(walker(), walker("other")), config, seed)
        for _ in range(3):
            search.tell([Measurement(n.id, toy_seconds(n.built.program)) for n in search.ask(4)])
        return [(n.parent, n.built.program, n.author, n.member, n.visits) for n in search.tree.nodes]

    assert tree() == tree()


@given(st.lists(st.floats(0.1, 10, allow_nan=False), min_size=7, max_size=20, unique=True))
def test_trust_follows_the_order_alone(throughputs: list[float]) -> None:
    right, wrong = Trust(), Trust()
    right.observe([t**3 for t in throughputs], throughputs)
    wrong.observe([-t for t in throughputs], throughputs)
    assert right.trusted
    assert not wrong.trusted and wrong.sigmas == -right.sigmas


def test_trust_needs_enough_pairs() -> None:
    trust = Trust()
    assert not trust.trusted
    trust.observe([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert not trust.trusted


def test_noise_is_not_trusted() -> None:
    rng = random.Random(5)
    trusted = 0
    for _ in range(400):
        trust = Trust()
        for _ in range(3):
            trust.observe([rng.random() for _ in range(8)], [rng.random() for _ in range(8)])
        trusted += trust.trusted
    assert trusted <= 4  # chance allows one in a thousand
