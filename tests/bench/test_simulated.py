"""Simulated models through the real provider and real HTTP: what they say is what their figures say."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Sequence

import pytest

from litecoop_bench.simulated import members, models
from litecoop_bench.simulated.models import Simulated
from litecoop_bench.simulated.server import Server
from litecoop_bench.tasks import space_of
from toy import ToySpace, measure_all
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.base import Answer
from tvm_litecoop.models.budget import Limits
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search.loop import Search
from tvm_litecoop.search.sight import view_of
from tvm_litecoop.search.space import Space
from tvm_litecoop.values import Built, Measurement, Proposal, SetDecision
from tvm_litecoop.view import View


def model(name: str = "m", **figures: float) -> Simulated:
    given = {"params": 1e9, "usd_per_mtok_in": 1.0, "usd_per_mtok_out": 10.0, "latency_s": 0.0, "skill": 1.0, **figures}
    return Simulated.model_validate(
        {"name": name, "params_source": "estimate", "price_source": "estimate", "assumed": "all", **given}
    )


def views(space: Space, pool: Pool, count: int) -> list[View]:
    """The root and children of it."""
    search = Search(space, Pool.built_in("expert"), SearchConfig(), 3)
    while len(search.tree) < count and (batch := search.ask(4)):
        search.tell([Measurement(node.id, 0.001 * node.id) for node in batch])
    return [view_of(search.tree, node, space, pool, search.config) for node in search.tree.nodes[:count]]


def answers(pool: Pool, shown: Sequence[View], k: int = 2) -> list[Answer]:
    (one,) = pool.members.values()
    return [one.ask(view, k, number)() for number, view in enumerate(shown)]


def test_skill_1_says_what_the_expert_says_and_all_of_it_can_be_used() -> None:
    space = space_of("matmul:64x48x96")
    with members.pool([model()]) as pool:
        shown = views(space, pool, 12)
        found = answers(pool, shown)
    proposals = [proposal for answer in found for proposal in answer.proposals]
    assert len(proposals) > 12 and all(isinstance(proposal, Proposal) for proposal in proposals)
    assert {proposal.next_member for proposal in proposals if isinstance(proposal, Proposal)} == {"m (simulated)"}
    assert max(len(proposal.edits) for proposal in found[0].proposals if isinstance(proposal, Proposal)) > 1
    for view, answer in zip(shown, found, strict=True):
        edits = [proposal.edits for proposal in answer.proposals if isinstance(proposal, Proposal)]
        assert all(isinstance(outcome, Built) for outcome in space.apply(view.program, edits))


def test_sketch_switches_can_be_written() -> None:
    space = space_of("softmax:32x64")
    with members.pool([model()]) as pool:
        found = answers(pool, views(space, pool, 10), k=4)
    assert not [one for answer in found for one in answer.proposals if not isinstance(one, Proposal)]


def test_skill_0_sets_one_site_to_any_legal_value() -> None:
    with members.pool([model(skill=0.0)]) as pool:
        shown = views(ToySpace(4, 5), pool, 40)
        found = answers(pool, shown)
    for view, answer in zip(shown, found, strict=True):
        now = {site.name: site.value for site in view.sketch.sites}
        for proposal in answer.proposals:
            assert isinstance(proposal, Proposal)
            (edit,) = proposal.edits
            assert isinstance(edit, SetDecision) and edit.value in range(5) and edit.value != now[edit.site]
    values = [p.edits[0].value for a in found for p in a.proposals if isinstance(p, Proposal)]  # type: ignore[union-attr]
    assert set(values) == set(range(5))


def test_the_share_of_malformed_answers_is_the_one_that_was_set() -> None:
    with members.pool([model(malformed=0.3)]) as pool:
        found = answers(pool, views(ToySpace(4, 5), pool, 150))
    bad = [answer for answer in found if not isinstance(answer.proposals[0], Proposal)]
    assert 0.2 < len(bad) / len(found) < 0.4
    assert all("malformed" in str(answer.proposals[0]) for answer in bad)


def test_latency_is_slept_and_prices_add_up_with_the_thoughts() -> None:
    with members.pool([model(latency_s=0.15, thinking=1000)]) as pool:
        shown = views(ToySpace(), pool, 3)
        start = time.perf_counter()
        found = answers(pool, shown)
        assert time.perf_counter() - start > 0.45
    for answer in found:
        assert answer.usage.tokens_out > 1000 and answer.usage.tokens_in > 300 and answer.usage.seconds > 0.15
        assert answer.usage.usd == pytest.approx((answer.usage.tokens_in + 10 * answer.usage.tokens_out) / 1e6)


def test_a_search_with_them_books_everything_and_keeps_to_its_budget() -> None:
    three = [model("a", params=1e11), model("b", skill=0.5), model("c", skill=0.0, malformed=0.5)]
    with members.pool(three, limits=Limits(calls=20)) as pool:
        search = Search(ToySpace(4, 5), pool, SearchConfig(), 5)
        measured = sum(measure_all(search, 4) for _ in range(10))
        search.close()
    assert measured == 40 and all(name.endswith("(simulated)") for name in pool.members)
    assert 0 < sum(stats.calls for stats in pool.stats.values() if stats.tokens_in) <= 20
    assert pool.largest == "a (simulated)" and not [stats.faults for stats in pool.stats.values() if stats.faults]
    assert pool.budget.spent("usd") == pytest.approx(sum(stats.usd for stats in pool.stats.values()))


def test_the_same_seed_gives_the_same_answers_and_another_one_others() -> None:
    def run(seed: int) -> list[Answer]:
        with members.pool([model(skill=0.5)], seed=seed) as pool:
            return answers(pool, views(ToySpace(4, 5), pool, 10))

    first, again, other = (tuple(answer.proposals for answer in run(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_the_protocol_lists_models_and_refuses_what_it_does_not_know() -> None:
    with Server([model()]) as server:
        with urllib.request.urlopen(f"{server.url}/models") as response:
            assert json.load(response)["data"][0] == {"id": "m (simulated)", "object": "model", "owned_by": "simulated"}
        for body, status in ((b"{", 400), (b"[]", 400), (b'{"model": "x", "messages": []}', 404)):
            with pytest.raises(urllib.error.HTTPError, match=str(status)) as caught:
                urllib.request.urlopen(f"{server.url}/chat/completions", body)
            caught.value.close()


def test_the_papers_eight_have_a_source_for_every_figure() -> None:
    eight = models.load()
    assert [one.name for one in eight] == sorted((one.name for one in eight), key=lambda n: -_params(eight, n))
    assert len(eight) == 8 and members.largest_alone() == (eight[0],) and eight[0].name == "GPT-5.2"
    assert (eight[0].usd_per_mtok_in, eight[0].usd_per_mtok_out) == (1.75, 14.0)
    assert all(one.params_source == "estimate" for one in eight if one.name.lower().startswith("gpt"))
    with members.pool() as pool:
        assert list(pool.members) == [f"{one.name} (simulated)" for one in eight]


def _params(eight: Sequence[Simulated], name: str) -> float:
    return next(one.params for one in eight if one.name == name)
