"""Spending, benching, and whose turn it is: the pool's rules without any server."""

from __future__ import annotations

import logging
import math
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from harness import Log, walk
from hypothesis import given
from hypothesis import strategies as st

from toy import Scripted, ToySpace, measure_all, pool_of
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models import turns
from tvm_litecoop.models.base import NOT_SENT, TIMEOUT, Answer, Call, Fault, Profile, Usage
from tvm_litecoop.models.books import Books
from tvm_litecoop.models.budget import Budget, Limits
from tvm_litecoop.models.calls import Flight
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.health import FIRST_S, LONGEST_S, USELESS, Health
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.stats import MemberStats
from tvm_litecoop.models.turns import Prices
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Rejection, Why
from tvm_litecoop.view import View


@pytest.fixture
def log() -> Iterator[Log]:
    logger, found = logging.getLogger("tvm_litecoop"), Log()
    logger.addHandler(found)
    yield found
    logger.removeHandler(found)


def test_a_call_in_flight_counts_against_every_limit() -> None:
    budget = Budget(Limits(calls=3, tokens=1000, usd=1.0))
    estimate = Usage(200, 100, 0.3, 1.0)
    budget.hold(estimate)
    assert budget.left() == "2 calls, 700 tokens, $0.70"
    budget.hold(estimate)
    assert budget.affords(estimate)
    budget.hold(estimate)
    assert not budget.affords(estimate) and budget.left() == "0 calls, 100 tokens, $0.10"
    budget.settle(estimate, Usage(900, 0, 0.9, 1.0))
    assert budget.spent("usd") == 0.9 and budget.left() == "0 calls, 0 tokens, $0.00"


def test_each_run_of_a_pool_has_the_whole_budget_and_one_gone_on_with_has_the_rest() -> None:
    books, estimate = Books(["m"], Limits(calls=2, usd=1.0)), Usage(200, 100, 0.3, 1.0)
    answer = Answer((), Usage(200, 100, 0.6, 1.0))
    books.count_call("m", estimate)
    books.count_answer("m", estimate, answer, 0.0, 0.0)
    assert books.budget.left() == "1 calls, $0.40"
    books.begin()
    assert books.budget.left() == "2 calls, $1.00"
    books.was_called("m", estimate, answer, 0.0)
    assert books.budget.left() == "1 calls, $0.40"
    books.was_called("m", estimate, None, 0.0)  # late: spent is what it was held for
    assert books.budget.left() == "0 calls, $0.10" and books.budget.spent("usd") == 0.6
    books.was_called("m", estimate, Answer((), cached=True), 0.0)
    assert books.budget.left() == "0 calls, $0.10"


def test_a_member_whose_first_call_no_budget_allows_is_named(log: Log) -> None:
    dear = Scripted("dear", walk, background=True)
    assert not Pool([dear], Limits(tokens=2500, calls=1)).budget.short_of(Usage(1500, 1000)) and not log.warnings()
    Pool([dear, Expert()], Limits(tokens=2000))
    (said,) = log.warnings()
    assert said == "dear is never asked, its first call counts as 2500 tokens of 2000: raise that limit"


@pytest.mark.parametrize("background", [True, False])
def test_a_member_of_whose_answers_nothing_can_be_used_is_left_alone(background: bool, log: Log) -> None:
    """A free one is not: it costs nothing, and there may be nothing more to say."""
    refused = Rejection(Why.MALFORMED, "no JSON object")
    babbler = Scripted("babbler", lambda view, k, seed: [refused], 1e9, background=background)
    search = Search(ToySpace(4, 6), pool_of(babbler), SearchConfig(), 7)
    measured = sum(measure_all(search, 4) for _ in range(5))
    search.close()
    if background:
        assert measured == 20 and USELESS <= search.pool.stats["babbler"].calls < 20
        assert log.warnings() == [
            "babbler: nothing can be used of 4 answers in a row, it is asked less: malformed: no JSON object"
        ]
    else:
        assert measured == 1 and not log.warnings()


def test_an_answer_that_can_be_used_forgives_those_that_cannot() -> None:
    one = Health()
    for _ in range(3):
        for _ in range(USELESS - 1):
            one.useless("m", "malformed", now=0.0)
        assert one.available(0.0)
        one.answered()
    for _ in range(USELESS):
        one.useless("m", "malformed", now=0.0)
    assert not one.available(FIRST_S - 0.1) and one.available(FIRST_S)


def test_broken_answers_that_were_billed_do_not_make_the_next_call_look_dear() -> None:
    pool, usage = Pool([Scripted("m", walk, background=True)]), Usage(1000, 200, 0.5, 1.0)
    pool.stats["m"].add_answer(Answer(()), 0.0)
    for fault in (None, *[Fault("broken answer")] * 3):
        pool.stats["m"].add_answer(Answer((), usage, fault), 0.0)
    assert (pool.stats["m"].answers, pool.stats["m"].billed) == (2, 5)
    estimate = pool.estimate("m")
    assert estimate is not None and (estimate.tokens_in, estimate.tokens_out, estimate.usd) == (800, 160, 0.4)


def test_no_limit_affords_everything_and_says_nothing() -> None:
    assert Budget().affords(Usage(10**9, 10**9, 1e9, 1e9)) and Budget().left() == ""


@pytest.mark.parametrize("wrong", [-1.0, math.inf, math.nan])
def test_a_wrong_limit_is_named(wrong: float) -> None:
    with pytest.raises(ConfigError, match=f"budget usd is {wrong}"):
        Limits(usd=wrong)


def test_the_first_call_of_a_member_says_what_the_others_may_cost() -> None:
    paid, dear = Scripted("paid", walk, background=True), Usage(1500, 1000, 0.4, 1.0)
    pool, careless = (Pool([paid, Expert()], limits) for limits in (Limits(usd=1.0), Limits(calls=9)))
    estimate = pool.estimate("paid")
    for one in (pool, careless):
        one.books.count_call("paid", estimate)
    assert pool.acting("paid", 1, SearchConfig()) == "expert"  # however many tasks there are
    assert careless.acting("paid", 1, SearchConfig()) == "paid"  # how many calls fly is known exactly
    pool.books.count_answer("paid", estimate, Answer((), dear), 0.0, 0.0)
    assert pool.acting("paid", 1, SearchConfig()) == "paid" and pool.estimate("paid") == dear


def test_calls_after_escalations_say_what_a_call_costs() -> None:
    pool, account = Pool([Scripted("paid", walk, background=True)]), Books.account("paid", escalated=True)
    pool.stats[account] = MemberStats()
    pool.stats[account].add_answer(Answer((), Usage(900, 100, 0.2, 4.0)), 0.0)
    assert pool.estimate("paid") == Usage(900, 100, 0.2, 4.0)


def test_that_the_budget_is_spent_is_said_once(log: Log) -> None:
    pool, usage = Pool([Scripted("paid", walk, background=True), Expert()], Limits(usd=1.0)), Usage(900, 100, 0.4, 4.0)
    for _ in range(2):
        pool.books.count_call("paid", estimate := pool.estimate("paid"))
        pool.books.count_answer("paid", estimate, Answer((), usage), 0.0, 0.0)
        pool.books.count_call("paid", usage)  # in flight: that it is held is no reason to say so
        assert not log.warnings()
        pool.books.count_late("paid", None, 0.0)
        pool.budget.release(usage)
    said = [pool.acting("paid", seed, SearchConfig()) for seed in range(3)]
    assert said == ["expert"] * 3
    assert log.warnings() == ["the budget is spent: paid is left alone, a call counts as 0.4 usd of 1"]


def test_what_was_wrong_with_a_member_may_be_mended_before_the_next_run(log: Log) -> None:
    pool = Pool([Scripted("paid", walk, background=True), Expert()])
    flight = Flight("paid", span=[0.0, 1.0])
    flight.future.set_result(Answer((), fault=Fault("missing key", "set KEY", lasting=True)))
    pool.landed(flight)
    assert pool.acting("paid", 1, SearchConfig()) == "expert"
    assert log.warnings() == ["paid is off for this run: missing key: set KEY"]
    pool.begin()
    assert pool.acting("paid", 1, SearchConfig()) == "paid"


@given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=30))
def test_calls_that_cost_what_was_expected_never_go_beyond_the_limit(steps: list[tuple[int, bool]]) -> None:
    budget, flying = Budget(Limits(tokens=1000)), list[Usage]()
    for tokens, lands in steps:
        estimate = Usage(tokens_in=tokens)
        if budget.affords(estimate):
            budget.hold(estimate)
            flying.append(estimate)
        if lands and flying:
            one = flying.pop(0)
            budget.settle(one, one)
        assert budget.spent("tokens") + sum(one.tokens_in for one in flying) <= 1000


def test_faults_in_a_row_double_the_bench_up_to_a_limit_and_an_answer_forgives() -> None:
    health, now, waits = Health(), 0.0, []
    for _ in range(2000):
        health.failed("m", Fault("connection"), now)
        waits.append(health.benched_until - now)
        assert not health.available(now) and health.available(health.benched_until)
        now = health.benched_until
    assert waits[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S] and waits[-1] == LONGEST_S
    health.answered()
    health.failed("m", Fault("connection"), now)
    assert health.benched_until == now + FIRST_S


def test_calls_that_fail_together_are_one_outage() -> None:
    health = Health()
    for _ in range(8):
        health.failed("m", Fault("connection"), 0.1)
    assert health.benched_until == pytest.approx(0.1 + FIRST_S) and health.faults_in_a_row == 1


def test_the_server_says_for_how_long_within_reason() -> None:
    health = Health()
    health.failed("m", Fault("rate limit", retry_after_s=30), 0.0)
    assert health.benched_until == 30
    health.failed("m", Fault("rate limit", retry_after_s=1e9), 0.0)
    assert health.benched_until == LONGEST_S


def test_what_is_lasting_stays() -> None:
    health = Health()
    health.failed("m", Fault("wrong key", lasting=True), 0.0)
    health.answered()
    assert not health.available(1e9) and health.off == "wrong key"


def stats(calls: int = 0, hits: int = 0, trials: int = 0, usd: float = 0.0, blocked_s: float = 0.0) -> MemberStats:
    return MemberStats(calls=calls, proposals=trials, trials=trials, hits=hits, usd=usd, blocked_s=blocked_s)


def shares(members: dict[str, MemberStats], prices: Prices = Prices()) -> Counter[str]:  # noqa: B008, it is frozen
    rng = random.Random(1)
    return Counter(turns.draw(members, prices, rng) for _ in range(1000))


def test_hits_bring_turns_and_the_unknown_keep_a_chance() -> None:
    drawn = shares({"good": stats(50, 40, 50), "bad": stats(50, 2, 50), "new": stats()})
    assert drawn["good"] > drawn["new"] > 50 and drawn["bad"] < 5


def test_money_and_waiting_cost_turns() -> None:
    cheap, dear, slow = stats(50, 20, 50), stats(50, 20, 50, usd=5.0), stats(50, 20, 50, blocked_s=200.0)
    assert shares({"cheap": cheap, "dear": dear})["cheap"] > 990
    assert shares({"cheap": cheap, "slow": slow})["cheap"] > 990
    assert shares({"cheap": cheap, "dear": dear}, Prices(usd_per_hour=1e6))["dear"] > 300


def test_rejections_are_misses() -> None:
    fool = stats(50, 10, 10)
    fool.proposals, fool.rejections["malformed"] = 100, 90
    assert shares({"fool": fool, "walker": stats(50, 40, 100)})["walker"] > 990


def test_the_starved_are_those_with_less_than_their_part() -> None:
    members = {"a": stats(90), "b": stats(8), "c": stats(2)}
    assert turns.starved(members, 0.2) == ["c"]
    assert turns.starved(members, 0.0) == [] and turns.starved({}, 0.2) == []


def test_what_timed_out_is_paid_for_and_its_seconds_are_those_that_passed() -> None:
    books, estimate = Books(["m"], Limits(usd=1.0)), Usage(200, 100, 0.3, 90.0)
    for kind, spent in (("connection", 0.0), (TIMEOUT, 0.3)):
        books.count_call("m", estimate)
        books.count_answer("m", estimate, Answer((), Usage(seconds=60.0), Fault(kind)), 0.0, 0.0)
        assert books.budget.spent("usd") == books.stats["m"].assumed_usd == spent
    assert books.budget.spent("seconds") == 120.0
    books.count_answer("m", None, Answer((), Usage(seconds=5.0)), 0.0, 0.0)
    assert books.stats["m"].answer_s == 5.0 and books.stats["m"].seconds == 125.0


def test_a_call_that_was_not_sent_is_none() -> None:
    books, estimate = Books(["m"], Limits(calls=1)), Usage(seconds=5.0)
    books.count_call("m", estimate)
    assert not books.budget.affords(estimate)
    books.count_answer("m", estimate, Answer((), Usage(), Fault(NOT_SENT)), 0.0, 0.0)
    assert books.budget.affords(estimate) and not books.stats["m"].answers and not books.stats["m"].calls


def test_seconds_of_a_trial_leave_out_what_was_not_timed() -> None:
    books = Books(["m"])
    books.count_measured(8, 0.0)
    assert books.trial_s is None
    books.count_measured(8, 4.0)
    assert books.trial_s == 0.5


class Slow:
    """A member on the tuned CPU, of 25 s a call."""

    profile = Profile("slow", 1e9, slow_s=25.0)

    def ask(self, view: View, k: int, seed: int) -> Call:
        raise AssertionError("it is not asked here")


def test_calls_after_an_escalation_count_against_the_share_of_slow_members() -> None:
    pool = Pool([Expert("expert"), Slow()], slow_share=0.1)
    pool.books.has_run(1000.0)
    assert pool.largest_able() == "slow"
    account = Books.account("slow", escalated=True)
    for _ in range(4):
        pool.books.count_call(account, None)
        pool.books.count_answer(account, None, Answer(()), blocked_s=25.0, hidden_s=0.0)
    assert pool.largest_able() == "expert" and pool.books.blocked("slow") == (4, 100.0)
    pool.books.begin()  # another run of the same pool
    assert pool.largest_able() == "expert"
    pool.books.has_run(1000.0)
    assert pool.largest_able() == "slow" and pool.books.blocked_in_run("slow") == 0.0
    pool.books.was_called(account, None, None, 100.0)  # it goes on with that one
    assert pool.largest_able() == "expert" and pool.books.blocked_in_run("slow") == 100.0


def test_a_slow_member_changes_nothing_before_its_share_of_the_time_is_there() -> None:
    trees = []
    for more in ([], [Slow()]):
        pool = Pool([Scripted("a", walk), Scripted("b", walk), *more])
        search = Search(ToySpace(4), pool, SearchConfig(), 7)
        while measure_all(search, 8):
            pass
        trees.append([(node.built, node.author, node.member) for node in search.tree.nodes])
    assert trees[0] == trees[1] and len(trees[0]) > 200 and not pool.stats["slow"].calls


def test_the_largest_alone_is_the_largest_of_this_pool() -> None:
    pool = Pool([Expert("expert"), Slow()], slow_share=0.0)
    config = SearchConfig.named("single")
    assert pool.acting("of another pool", 1, config) == pool.acting("expert", 1, config) == "slow"


def test_a_free_member_that_acts_alone_needs_no_budget() -> None:
    pool = Pool.built_in("mutator", "surrogate")
    spent = Pool(list(pool.members.values()), Limits(calls=0))
    assert spent.acting("mutator", 1, SearchConfig.named("single")) == "mutator"


@pytest.mark.parametrize("answer", [Answer((), cached=True), Answer((), fault=Fault(NOT_SENT))])
def test_what_nobody_was_asked_says_nothing_of_health(answer: Answer) -> None:
    pool = Pool([Scripted("m", lambda view, k, seed: [], background=True)])
    pool._health.members["m"].failed("m", Fault("connection"), now=0.0)
    before = vars(pool._health.members["m"]).copy()
    flight = Flight("m", span=[0.0, 1.0])
    flight.future.set_result(answer)
    pool.landed(flight)
    assert vars(pool._health.members["m"]) == before


@pytest.mark.parametrize(("rule", "drawn"), [("random", {"a", "b"}), ("round-robin", {"a"})])
def test_who_stands_in_is_found_as_the_next_member_is(rule: str, drawn: set[str]) -> None:
    pool = Pool([Scripted(name, lambda view, k, seed: []) for name in "ab"])
    pool.stats["b"].calls, pool.stats["b"].trials, pool.stats["b"].hits = 9, 900, 900
    config = SearchConfig(next_member=rule)
    assert {pool.acting("benched", seed, config) for seed in range(40)} == drawn
