"""One way to change a search: folded events give the same tree, the same books, the same next steps."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from test_flights import thinker
from test_loop import walker
from test_properties import configs

from toy import ToySpace, pool_of, toy_seconds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.base import Usage
from tvm_litecoop.models.budget import Limits
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search.events import Answered, Asked, Chosen, Event, GaveUp, Measured
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Built, Measurement, SetDecision

histories = st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.booleans()), min_size=1, max_size=10)
"""Rounds: size of the batch, whether it is told at once, whether the next one is proposed before."""


def books(pool: Pool) -> dict[str, Any]:
    return {
        "stats": {name: stats.as_json() for name, stats in pool.stats.items()},
        "budget": [pool.budget._spent, pool.budget._held],
        "calls": [pool.books._trials, pool.books._trials_s, pool.books.hidden_s],
    }


def state_of(search: Search) -> dict[str, Any]:
    state = search.state
    return {
        "nodes": [asdict(node) for node in state.tree.nodes],
        "seen": state.seen,
        "waiting": list(state.waiting),
        "running": state.running,
        "escalated": list(state.escalated),
        "calls": [state.asked, state.answered],
        "counts": [state.steps, state.escalations, state.batches, state.trials, state.blocked_s],
        "chosen": [state.chosen_among, state.chosen_trusting],
        "trust": list(state.trust._batches),
    }


def walk(search: Search, history: list[tuple[int, bool, bool]]) -> list[list[int]]:
    """Rounds of ask and tell, some told late; the nodes of each batch."""
    late: list[Measurement] = []
    batches = []
    for count, at_once, prepares in history:
        batch = search.ask(count)
        if prepares:
            search.prepare(count)
        batches.append([node.id for node in batch])
        late += [Measurement(n.id, toy_seconds(n.built.program) if n.id % 5 else None) for n in batch]
        if at_once:
            search.tell(late)
            late = []
    return batches


@settings(max_examples=60)
@given(
    history=histories,
    config=configs,
    seed=st.integers(1, 2**31 - 1),
    digits=st.integers(1, 4),
    predicts=st.booleans(),
    adopts=st.booleans(),
)
def test_folded_events_give_the_same_search(
    history: list[tuple[int, bool, bool]], config: SearchConfig, seed: int, digits: int, predicts: bool, adopts: bool
) -> None:
    def pool() -> Pool:
        return pool_of(walker(), walker("other", 1e9))

    def space() -> ToySpace:
        return ToySpace(digits, 3, predicts=predicts)

    events: list[Event] = []
    live = Search(space(), pool(), config, seed, events.append)
    if adopts:
        values = [[SetDecision(f"d{place}", value)] for place in range(digits) for value in range(3)]
        built = space().apply(live.tree.root.built.program, values)
        live.adopt([(one, 0.01 + 0.001 * n) for n, one in enumerate(built) if isinstance(one, Built)])
    walk(live, history)
    before = len(events)
    folded = Search(space(), pool(), config, seed, past=events)
    assert vars(folded.tree.history) == vars(live.tree.history)
    assert state_of(folded) == state_of(live) and books(folded.pool) == books(live.pool)
    live.tell([]), folded.tell([])
    folded._again.clear()  # the live one still waits for these
    then = [(3, True, True), (4, True, False)]
    assert walk(folded, then) == walk(live, then)
    assert len(events) > before or not live.state.waiting
    assert [asdict(n) for n in folded.tree.nodes] == [asdict(n) for n in live.tree.nodes]


def test_a_batch_that_was_not_measured_is_offered_again() -> None:
    events: list[Event] = []
    live = Search(ToySpace(), pool_of(walker()), SearchConfig(), 3, events.append)
    batch = [node.id for node in live.ask(5)]
    resumed = Search(ToySpace(), pool_of(walker()), SearchConfig(), 3, past=events)
    again = [node.id for node in resumed.ask(3)] + [node.id for node in resumed.ask(8)]
    assert again == batch
    resumed.tell([Measurement(i, 0.01) for i in again])
    assert resumed.state.trials == 5 and not resumed.state.running
    assert not set(batch) & {node.id for node in resumed.ask(4)}


def test_calls_in_flight_when_the_process_died_are_given_up_and_paid() -> None:
    events: list[Event] = []
    limits = Limits(calls=3)
    live = Search(ToySpace(4, 6), Pool([thinker(seconds=30)], limits), SearchConfig(), 3, events.append)
    live.step(4)
    live.step(4)
    assert len(live.state.asked) == 2 and live.tree.root.pending == 2
    kept: list[Event] = []
    pool = Pool([thinker(seconds=0.01)], limits)
    resumed = Search(ToySpace(4, 6), pool, SearchConfig(), 3, kept.append, events)
    assert [type(event) for event in kept] == [GaveUp, GaveUp]
    assert pool.stats["remote"].faults["late"] == 2 and pool.budget.spent("calls") == 2
    assert resumed.tree.root.pending == resumed.tree.root.flying == 0
    for _ in range(4):
        resumed.tell([Measurement(node.id, 0.01) for node in resumed.ask(2)])
    assert pool.stats["remote"].calls == 3  # two were lost, one is left


def test_an_answer_that_was_kept_and_not_applied_is_applied() -> None:
    events: list[Event] = []
    live = Search(ToySpace(), pool_of(walker()), SearchConfig(), 3, events.append)
    live.step()
    cut = [event for event in events if isinstance(event, Answered)][-1]
    resumed = Search(ToySpace(), pool_of(walker()), SearchConfig(), 3, past=events[: events.index(cut) + 1])
    assert state_of(resumed) == state_of(live) and books(resumed.pool) == books(live.pool)


def test_a_search_with_calls_beside_the_measurement_folds_too() -> None:
    events: list[Event] = []
    limits = Limits(calls=20)
    live = Search(ToySpace(4, 6), Pool([walker(), thinker(seconds=0.01)], limits), SearchConfig(), 3, events.append)
    for _ in range(6):
        live.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in live.ask(4, ahead=4)])
    live.close(5.0)
    assert any(isinstance(event, Asked) and event.estimate != Usage() for event in events)
    assert sum(isinstance(event, Chosen) for event in events) == sum(isinstance(event, Measured) for event in events)
    folded = Search(ToySpace(4, 6), Pool([walker(), thinker()], limits), SearchConfig(), 3, past=events)
    first = state_of(folded)
    for call in list(live.state.answered):  # the live search has ended; a folded one uses what had landed
        live._expand(call)
    assert first == state_of(live) and books(folded.pool) == books(live.pool)


def test_results_known_from_elsewhere_are_booked_once() -> None:
    search = Search(ToySpace(), pool_of(walker()), SearchConfig(), 3)
    batch = search.ask(4)
    search.step()
    waiting = next(iter(search.state.waiting))
    search.recall([Measurement(batch[0].id, 0.01), Measurement(waiting, 0.02)])
    assert search.state.trials == 2 and search.tree.nodes[waiting].measured
    assert [node.id for node in search.ask(8)] == [node.id for node in batch[1:]]
