"""A record replayed: refusals and predictions are part of it, and nothing is made up."""

from __future__ import annotations

import random

from toy import Scripted, ToySpace, measure_all, pool_of
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.journal.record import Record
from tvm_litecoop.journal.replay import Replayed, replay
from tvm_litecoop.models.base import Answer, Call, Fault
from tvm_litecoop.search.events import Event
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Proposal, Rejection, SetDecision
from tvm_litecoop.view import View


def at_random(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
    """Values of which every third is illegal."""
    rng = random.Random(seed)
    sites = [site.name for site in view.sketch.sites]
    return [Proposal((SetDecision(rng.choice(sites), rng.randrange(6)),)) for _ in range(k)]


def recorded(trials: int, *, predicts: bool) -> tuple[Search, Replayed]:
    events: list[Event] = []
    member = Scripted("somebody", at_random)
    search = Search(ToySpace(5, predicts=predicts), pool_of(member), SearchConfig(), seed=1, keep=events.append)
    while search.state.trials < trials:
        assert measure_all(search, 8)
    record = Record("toy", events, SearchConfig(), 1, {"somebody": 1.0}, ended=True, facts={})
    return search, replay(record)


def test_refusals_are_recorded_outcomes() -> None:
    search, again = recorded(64, predicts=False)
    assert any(node.refused for node in search.tree.nodes)
    assert [(n.parent, n.built, n.refused) for n in again.search.tree.nodes] == [
        (n.parent, n.built, n.refused) for n in search.tree.nodes
    ]
    assert again.where_it_ends() == "the record ends after 64 of its 64 trials; every answer was recorded"


class Faulty(Scripted):
    """Now and then it gives no answer, for which it is not left alone."""

    def ask(self, view: View, k: int, seed: int) -> Call:
        if seed % 5 == 0:
            return lambda: Answer((), fault=Fault("too long", of_node=True))
        return super().ask(view, k, seed)


def test_a_recorded_fault_benches_nobody_by_the_clock_of_the_replay() -> None:
    events: list[Event] = []
    pool = pool_of(Faulty("somebody", at_random))
    search = Search(ToySpace(5), pool, SearchConfig(), seed=1, keep=events.append)
    while search.state.trials < 32:
        assert measure_all(search, 8)
    again = replay(Record("toy", events, SearchConfig(), 1, {"somebody": 1.0}, ended=True, facts={}))
    faults = again.search.pool.stats["somebody"].faults["too long"]
    assert faults == pool.stats["somebody"].faults["too long"] > 1
    assert again.where_it_ends() == "the record ends after 32 of its 32 trials; every answer was recorded"


def test_what_was_never_measured_is_counted_and_not_made_a_failure() -> None:
    search, again = recorded(96, predicts=True)
    assert search.state.trust.trusted
    assert not any(node.error or node.throughput == 0 for node in again.search.tree.nodes)
    assert again.recorded.trials > 48 and again.recorded.unmeasured
    assert f"{again.recorded.unmeasured} programs were never measured" in again.where_it_ends()
    measured = {node.built.key: node.throughput for node in search.tree.nodes if node.measured}
    assert all(node.throughput == measured[node.built.key] for node in again.search.tree.nodes if node.measured)
