"""Calls beside the measurement: under virtual loss, within the budget, landed once, hidden where it is claimed."""

from __future__ import annotations

import math
import random
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from toy import Scripted, ToySpace, measure_all, pool_of, toy_seconds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.base import Answer, Call, Fault, Profile, Usage
from tvm_litecoop.models.budget import Limits
from tvm_litecoop.models.pool import RESERVE, Pool
from tvm_litecoop.search.events import Event, Measured
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Measurement, Proposal, Rejection, SetDecision, Why
from tvm_litecoop.view import View


def guess(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
    """Any digits."""
    rng = random.Random(seed)
    return [Proposal(tuple(SetDecision(s.name, rng.randrange(6)) for s in view.sketch.sites)) for _ in range(k)]


def thinker(name: str = "remote", seconds: float = 0.05, params: float = 1e9) -> Scripted:
    return Scripted(name, guess, params=params, background=True, seconds=seconds)


class Meeting(Scripted):
    """Its first call waits for the second, which one that is made after the other never sees."""

    def ask(self, view: View, k: int, seed: int) -> Call:
        call, self.calls = super().ask(view, k, seed), getattr(self, "calls", 0) + 1
        if self.calls == 1:
            self.met = threading.Event()
        elif self.calls == 2:
            self.met.set()

        def meets() -> Answer:
            assert self.met.wait(60.0)
            return call()

        return meets


def search_of(pool: Pool, config: SearchConfig | None = None) -> Search:
    return Search(ToySpace(4, 6), pool, config or SearchConfig(), seed=3)


def settled(search: Search) -> bool:
    return all(node.pending == 0 for node in search.tree.nodes)


def test_calls_fly_together_and_land_once() -> None:
    pool = pool_of(Meeting("remote", guess, params=1e9, background=True))
    search = search_of(pool, SearchConfig(in_flight=4, proposals_per_call=2, width=8))
    assert measure_all(search, 4) >= 1
    while measure_all(search, 4):
        if len(search.tree) > 60:
            break
    stats = pool.stats["remote"]
    assert stats.answers == stats.calls and stats.proposals == stats.trials + sum(stats.rejections.values()) + len(
        search.state.waiting
    )
    assert settled(search)
    assert len({node.built.key for node in search.tree.nodes}) == len(search.tree.nodes)


def test_no_more_calls_than_are_wanted() -> None:
    pool = pool_of(thinker())
    search = search_of(pool, SearchConfig(in_flight=64, proposals_per_call=2, width=50, most_children=50))
    search.ask(4)
    assert pool.stats["remote"].calls <= 2


@pytest.mark.parametrize("prepares", [False, True])
def test_what_was_thought_during_the_measurement_is_hidden(prepares: bool) -> None:
    pool = pool_of(thinker(seconds=0.4))
    search = search_of(pool)
    for _ in range(4):
        batch = search.ask(4, ahead=4)
        time.sleep(0.6)  # the hardware measures
        if prepares:
            search.prepare(4)
        search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
    search.ask(4)
    thought = pool.stats["remote"].seconds
    assert thought >= 0.4 * 8
    assert 0.5 * thought < pool.books.hidden_s <= 1.01 * thought


def test_each_of_several_searches_is_told_the_time_of_its_own_measurement() -> None:
    """TVM's scheduler builds and times a batch of every task before it tells any result."""
    events: list[Event] = []
    pool = pool_of(Scripted("walker", guess))
    searches = [Search(ToySpace(4, 6), pool, SearchConfig(), seed, events.append) for seed in (1, 2, 3)]
    for times in (0.05, 0.1, 0.15), (0.1, 0.02, 0.05):
        events.clear()
        batches, begun = [], time.perf_counter()
        for search, seconds in zip(searches, times, strict=True):
            batches.append(search.ask(2))
            time.sleep(seconds)  # the hardware measures
        for search, batch in zip(searches, batches, strict=True):
            search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
        took = [event.took_s for event in events if isinstance(event, Measured)]
        assert all(one > seconds - 1e-3 for one, seconds in zip(took, times, strict=True)), took
        assert sum(took) < time.perf_counter() - begun + 1e-3
    trials = sum(search.state.trials for search in searches)
    assert pool.books.trial_s is not None and pool.books.trial_s * trials > 0.46


def test_free_members_go_on_while_a_call_flies() -> None:
    pool = Pool([Scripted("walker", guess), thinker(seconds=0.5)])
    search = search_of(pool)
    while pool.stats["remote"].calls == 0:
        batch = search.ask(2, ahead=2)
        search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
    before = pool.stats["walker"].calls
    assert len(search._flights)
    batch = search.ask(2)
    assert pool.stats["walker"].calls > before or batch


def test_the_budget_counts_calls_in_flight() -> None:
    pool = Pool([thinker()], limits=Limits(calls=5))
    search = search_of(pool, SearchConfig(in_flight=8, proposals_per_call=1))
    for _ in range(12):
        measure_all(search, 4)
    assert pool.stats["remote"].calls == 5 and pool.budget.spent("calls") == 5
    assert pool.stats[RESERVE].calls > 0 or len(search.tree) < 6  # it goes on without the member
    assert settled(search)


def test_a_budget_in_dollars_is_never_passed() -> None:
    class Dear(Scripted):
        def ask(self, view: View, k: int, seed: int) -> object:  # type: ignore[override]
            call = super().ask(view, k, seed)
            answer = call()
            return lambda: type(answer)(answer.proposals, Usage(100, 10, 0.03, 0.01))

    pool = Pool([Dear("remote", guess, params=1e9, background=True)], limits=Limits(usd=0.1))
    search = search_of(pool, SearchConfig(in_flight=8, proposals_per_call=1))
    for _ in range(10):
        measure_all(search, 2)
    assert pool.budget.spent("usd") <= 0.1 + 1e-9


@pytest.mark.parametrize("setting", ["default", "single"])
def test_the_first_call_is_waited_for_where_it_tells_what_the_others_cost(setting: str) -> None:
    pool = Pool([thinker()], Limits(usd=1.0))
    flown: list[int] = []
    pool.start = lambda *args: flown.append(pool.books.flying("remote")) or Pool.start(pool, *args)  # type: ignore
    search = search_of(pool, replace(SearchConfig.named(setting), in_flight=8, proposals_per_call=1))
    batch = search.ask(4, ahead=4)
    assert {node.author for node in batch} == {"remote"}  # and not of the reserve
    assert flown[:2] == [1, 1] and max(flown) > 1


def test_who_stands_in_for_a_member_that_cannot_be_asked_does_not_think_ahead() -> None:
    search = search_of(Pool([thinker()], Limits(calls=0)))
    for _ in range(3):
        batch = search.ask(4, ahead=4)
        assert len(batch) == 4 and {node.author for node in batch} == {RESERVE}
        assert len(search.state.waiting) < search.config.proposals_per_call
        search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])


def test_an_escalation_goes_to_a_member_in_the_background() -> None:
    def worse(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        higher = [(s.name, int(s.value) + 1) for s in view.sketch.sites if isinstance(s.value, int) and s.value < 5]
        return [Proposal((SetDecision(name, value),)) for name, value in higher[seed % 2 :]][:k]

    def jump(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        return [Proposal((SetDecision("d0", 0), SetDecision("d1", seed % 6), SetDecision("d2", seed % 5)))]

    pool = Pool([Scripted("small", worse), Scripted("large", jump, params=1e12, background=True, seconds=0.02)])
    search = search_of(pool, SearchConfig(min_share=0.4, escalate_after=1, proposals_per_call=2))
    for _ in range(20):
        batch = search.ask(3, ahead=3)
        search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
    search.ask(1)
    assert search.state.escalations == pool.stats["large"].escalations > 0
    assert pool.stats["large, escalated"].calls == search.state.escalations
    search.close()


def test_a_step_that_was_handed_over_comes_first_beside_a_build_too() -> None:
    pool = pool_of(Scripted("small", guess), thinker("large", seconds=0.01, params=1e12))
    search = search_of(pool)
    batch = search.ask(3)
    search.state.escalated.append(batch[0].id)  # as after regressions
    search.prepare(16)
    assert search.state.escalations == 1 and pool.stats["large, escalated"].calls == 1
    search.close()


def test_closing_books_what_has_landed_and_waits_for_nothing() -> None:
    pool = pool_of(thinker(seconds=3.0))
    search = search_of(pool)
    batch = search.ask(2, ahead=32)  # more than fly at once: where one has landed, one more has begun
    search.tell([Measurement(node.id, 0.001) for node in batch])
    start = time.perf_counter()
    search.close()
    assert time.perf_counter() - start < 2.0
    assert pool.stats["remote"].faults["late"] >= 1


def test_closing_books_what_lands_in_time() -> None:
    pool = pool_of(thinker(seconds=0.2))
    search = search_of(pool)
    batch = search.ask(2, ahead=8)
    search.tell([Measurement(node.id, 0.001) for node in batch])
    calls = pool.stats["remote"].calls
    search.close(wait_s=60.0)
    assert pool.stats["remote"].answers == calls and not pool.stats["remote"].faults


def test_the_largest_alone_is_alone() -> None:
    pool = Pool([Scripted("walker", guess), thinker("large", 0.02, 1e12)])
    search = search_of(pool, SearchConfig.named("single"))
    for _ in range(4):
        batch = search.ask(4, ahead=4)
        search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
    assert pool.stats["large"].trials >= 12 and pool.stats["walker"].calls == 0 and RESERVE not in pool.stats


def test_members_of_a_server_that_is_down_are_benched_together() -> None:
    class Down(Scripted):
        @property
        def profile(self) -> Profile:
            return replace(super().profile, endpoint="http://down/v1")

        def ask(self, view: View, k: int, seed: int) -> Call:
            return lambda: Answer((), fault=Fault("connection", of_server=True))

    pool = Pool([Scripted("walker", guess), *(Down(name, guess, 1e9, background=True) for name in ("a", "b"))])
    search = search_of(pool)
    while not pool.stats["a"].calls + pool.stats["b"].calls:
        measure_all(search, 2)
    while search._land(wait=True):
        pass
    before = pool.stats["a"].calls + pool.stats["b"].calls
    assert before <= 2
    for _ in range(5):
        measure_all(search, 2)
    assert pool.stats["a"].calls + pool.stats["b"].calls == before


def assert_all_its_calls_are_faults(rude: Scripted) -> None:
    pool = Pool([Scripted("walker", guess), rude])
    search = search_of(pool)
    for _ in range(8):
        measure_all(search, 2)
    search.close(60.0)
    assert pool.stats["rude"].faults["raised"] == pool.stats["rude"].calls >= 1


@pytest.mark.parametrize(
    ("error", "asked"), [(RuntimeError("no word"), False), (RuntimeError("no word"), True), (SystemExit(), False)]
)
def test_a_member_that_raises_is_a_fault_like_any_other(error: BaseException, asked: bool) -> None:
    class Raises(Scripted):
        def ask(self, view: View, k: int, seed: int) -> Call:
            def call() -> Answer:
                raise error

            if asked:
                raise error
            return call

    assert_all_its_calls_are_faults(Raises("rude", guess, 1e9, background=True))


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "words",
        Answer(("words",)),  # type: ignore[arg-type]
        Answer((Proposal(("words",)),)),  # type: ignore[arg-type]
        Answer((Proposal((SetDecision("d0", 1),), 7),)),  # type: ignore[arg-type]
        Answer((Proposal((SetDecision("d0", np.int64(1)),)),)),  # type: ignore[arg-type]
        Answer((Rejection("bad"),)),  # type: ignore[arg-type]
        Answer((), Usage(seconds=math.nan)),
        Answer((), Usage(tokens_in=np.int64(7))),  # type: ignore[arg-type]
        Answer((), usage=None),  # type: ignore[arg-type]
        Answer((), cached=None),  # type: ignore[arg-type]
        Answer((Rejection(Why.MALFORMED, b"x"),)),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("background", [True, False])
def test_an_answer_that_is_none_is_a_fault_like_any_other(answer: Any, background: bool) -> None:
    class Rude(Scripted):
        def ask(self, view: View, k: int, seed: int) -> Call:
            return lambda: answer

    assert_all_its_calls_are_faults(Rude("rude", guess, 1e9, background=background))
