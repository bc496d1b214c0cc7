"""The ask/tell loop on a toy space: golden trees, exhaustion, escalation, and what is booked to whom."""

from __future__ import annotations

import subprocess
import sys

import pytest

from toy import Scripted, ToySpace, digits_of, measure_all, pool_of, toy_seconds
from tvm_litecoop import seeds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import SearchError
from tvm_litecoop.models.base import Profile
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search import sight
from tvm_litecoop.search.loop import ADOPTED, Search
from tvm_litecoop.values import Built, Measurement, Proposal, Rejection, SetDecision, Why
from tvm_litecoop.view import View


def random_change(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
    rng = seeds.rng(seed, "toy")
    sites = view.sketch.sites
    return (
        [Proposal((SetDecision(s.name, rng.choice(list(s.domain))),)) for s in rng.choices(sites, k=k)] if sites else []
    )


def walker(name: str = "walker", params: float = 1.0) -> Scripted:
    return Scripted(name, random_change, params)


class Slow(Scripted):
    """A member that the search stands still for."""

    @property
    def profile(self) -> Profile:
        return Profile(self.name, self.params, slow_s=0.0)


def search_of(pool: Pool, config: SearchConfig | None = None, seed: int = 7, **space: object) -> Search:
    return Search(ToySpace(**space), pool, config or SearchConfig(), seed)  # type: ignore[arg-type]


def test_golden_tree() -> None:
    search = search_of(pool_of(walker()))
    for _ in range(3):
        measure_all(search, 4)
    assert [(n.id, n.parent, n.built.program.decisions, n.visits) for n in search.tree.nodes] == GOLDEN


GOLDEN = [
    (0, -1, (3, 3, 3), 22),
    (1, 0, (3, 1, 3), 1),
    (2, 0, (1, 3, 3), 1),
    (3, 0, (2, 3, 3), 1),
    (4, 0, (3, 0, 3), 10),
    (5, 0, (3, 3, 2), 1),
    (6, 4, (3, 0, 2), 1),
    (7, 0, (0, 3, 3), 1),
    (8, 4, (3, 0, 0), 1),
    (9, 0, (3, 3, 0), 1),
    (10, 4, (3, 0, 1), 1),
    (11, 4, (1, 0, 3), 1),
    (12, 4, (3, 2, 3), 1),
]
"""(id, parent, program, visits): duplicates are visits too, and node 4 is the best child of the first batch."""


def test_finds_the_fastest_program_of_a_small_space() -> None:
    search = search_of(pool_of(walker()), digits=3, base=4)
    while measure_all(search, 8):
        if search.tree.best and search.tree.best.built.program.decisions == (0, 0, 0):
            return
    pytest.fail("the search ended without the best program")


def test_every_program_is_measured_at_most_once() -> None:
    search = search_of(pool_of(walker()), digits=2, base=3)
    seen: list[object] = []
    for _ in range(30):
        batch = search.ask(4)
        seen += [node.built.program for node in batch]
        search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
    assert len(seen) == len(set(seen))
    assert 6 <= len(seen) <= 9


def test_a_space_without_decisions_measures_its_one_program_and_ends() -> None:
    search = search_of(pool_of(walker()), digits=1, base=1)
    assert [node.id for node in search.ask(4)] == [0]
    assert search.ask(4) == []
    search.tell([Measurement(0, 0.5)])
    assert search.ask(4) == [] and search.tree.root.exhausted
    assert search.tree.best is not None and search.tree.best.throughput == 2.0


def test_a_space_without_programs_is_one_clear_error() -> None:
    space = ToySpace()
    space.initial = lambda: Rejection(Why.POSTPROC, "VerifyGPUCode")  # type: ignore[method-assign]
    with pytest.raises(SearchError, match=r"no program .* postproc refused: VerifyGPUCode"):
        Search(space, pool_of(walker()), SearchConfig(), 1)


def test_a_second_tell_and_an_unknown_node_are_no_ops() -> None:
    search = search_of(pool_of(walker()))
    batch = search.ask(3)
    results = [Measurement(node.id, 0.01) for node in batch]
    search.tell(results)
    before = [(n.visits, n.throughput, n.valued) for n in search.tree.nodes]
    search.tell([*results, Measurement(999, 0.001)])
    assert [(n.visits, n.throughput, n.valued) for n in search.tree.nodes] == before
    assert search.pool.stats["walker"].trials == 3


def test_a_failed_candidate_is_booked_and_never_built_on() -> None:
    search = search_of(pool_of(walker()))
    batch = search.ask(4)
    search.tell([Measurement(n.id, None, "LocalBuilder: Timeout") if n is batch[0] else Measurement(n.id, 0.01)
                 for n in batch])  # fmt: skip
    failed = batch[0]
    assert failed.throughput == 0.0 and failed.error == "LocalBuilder: Timeout" and failed.exhausted
    for _ in range(10):
        measure_all(search, 4)
    assert failed.children == []
    assert all(node.built.key != failed.built.key for node in search.tree.nodes if node is not failed)


def test_rejections_are_counted_by_reason_and_cost_no_trial() -> None:
    def wrong(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        return [Proposal((SetDecision("d0", 99),)), Rejection(Why.MALFORMED, "no JSON")]

    search = search_of(pool_of(Scripted("fool", wrong), walker()))
    for _ in range(4):
        measure_all(search, 4)
    stats = search.pool.stats["fool"]
    assert stats.rejections["illegal value"] == stats.rejections["malformed"] == stats.calls > 0
    assert stats.trials == 0


def test_a_pool_that_only_fails_ends() -> None:
    pool = pool_of(Scripted("mute", lambda view, k, seed: []))
    search = search_of(pool)
    assert [node.id for node in search.ask(4)] == [0]
    search.tell([Measurement(0, 0.1)])
    assert search.ask(4) == [] and search.tree.root.exhausted
    assert pool.stats["mute"].calls == search.config.patience


def test_an_unknown_next_member_is_counted_and_replaced() -> None:
    def names_nobody(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        return [Proposal((SetDecision("d0", 0),), next_member="gpt-9")]

    search = search_of(pool_of(Scripted("small", names_nobody), walker("other")))
    search.step()
    assert search.pool.stats["small"].rejections["unknown member"] == 1
    assert search.tree.nodes[1].member in ("small", "other")


def test_the_named_member_counts_double_and_the_hardly_known_come_first() -> None:
    pool = pool_of(walker("small"), walker("other"))
    search = search_of(pool)
    config = SearchConfig(min_share=0.0)
    named = [pool.next_member("other", seed, config) for seed in range(300)]
    assert 0.65 < named.count("other") / 300 < 0.85  # two equals, one of them doubled: 3 in 4
    pool.stats["other"].trials = 40  # and no hit: its word is worth little now
    assert [pool.next_member("other", seed, config) for seed in range(100)].count("other") < 20
    search.step()
    assert pool.acting("small", 1, SearchConfig()) == "other"  # it has had no call yet
    assert pool.acting("small", 1, SearchConfig(), must=True) == "small"


def test_of_the_built_in_free_members_nobody_has_to_come_first() -> None:
    pool = pool_of(walker("expert"), walker("mutator"))
    search_of(pool).step()
    assert pool.acting("expert", 1, SearchConfig()) == "expert"


def test_regressions_in_a_row_hand_the_parent_to_the_largest() -> None:
    def worse(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        worst = [(s.name, int(s.value) + 1) for s in view.sketch.sites if isinstance(s.value, int)]
        return [Proposal((SetDecision(name, value),)) for name, value in worst if value < 6][:1]

    def good(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        return [Proposal(tuple(SetDecision(f"d{i}", 0) for i in range(3)), next_member="small")]

    pool = pool_of(Scripted("small", worse, params=1e8), Scripted("large", good, params=1e11))
    search = search_of(pool, SearchConfig(escalate_after=2, proposals_per_call=1, min_share=0.0, c=0.0), base=6)
    built = search.space.apply(search.tree.root.built.program, [[SetDecision("d0", 1)]])[0]
    assert isinstance(built, Built)
    search.adopt([(built, toy_seconds(built.program))])
    first = search.tree.nodes[1]
    first.member = "small"
    search.tree.set_spent(search.tree.root)
    measure_all(search, 1)
    child = search.tree.nodes[2]
    assert child.parent == 1 and child.streak == 1
    child.member = "small"
    search.tree.set_spent(first)
    measure_all(search, 1)
    grandchild = search.tree.nodes[3]
    assert grandchild.parent == 2 and grandchild.closed and grandchild.streak == 0
    assert search.state.escalations == 0
    search.step()
    assert search.state.escalations == 1 and search.tree.nodes[-1].author == "large, escalated"
    assert search.tree.nodes[-1].parent == child.id
    assert pool.stats["large"].escalations == 1


def test_where_the_largest_would_be_waited_for_its_step_is_made_before_all_others() -> None:
    search = search_of(pool_of(walker(), Slow("large", random_change, params=1e11)), digits=4)
    search.pool.books.has_run(1e6)
    batch = search.ask(2)
    search.state.escalated.append(0)
    steps = search.state.steps
    search.prepare(2)
    assert (search.state.steps, search.state.escalations) == (steps, 0)
    search.tell([Measurement(node.id, 0.001) for node in batch])
    search.ask(2)
    assert search.state.escalations == 1 and search.tree.nodes[len(batch) + 1].author == "large, escalated"


def test_exact_predictions_earn_trust_and_choose_the_batch() -> None:
    trusting = search_of(pool_of(walker()), digits=4, base=6, predicts=True)
    measure_all(trusting, 16)
    before = len(trusting.tree)
    assert trusting.state.trust.trusted and not trusting.state.chosen_trusting
    measure_all(trusting, 8)  # `prepare` could not know yet when it proposed for this one
    assert len(trusting.tree) <= before + 8 + trusting.config.proposals_per_call
    before = len(trusting.tree)
    batch = trusting.ask(8)
    proposed = [node.built.program for node in trusting.tree.nodes[before:]]
    chosen = sorted(toy_seconds(node.built.program) for node in batch)
    assert len(proposed) > len(batch)
    assert sum(chosen) < sum(sorted(map(toy_seconds, proposed))[-len(chosen) :])


def test_the_next_batch_is_proposed_before_the_results_of_this_one() -> None:
    search = search_of(pool_of(walker()), digits=4)
    first = search.ask(4)
    search.prepare(4)
    nodes, steps = len(search.tree), search.state.steps
    assert len(search.state.waiting) >= 4 and not any(node.measured for node in search.tree.nodes)
    search.prepare(4)
    search.tell([Measurement(node.id, 0.001) for node in first])
    second = search.ask(4)
    assert (len(search.tree), search.state.steps) == (nodes, steps)
    assert len(second) == 4 and not {node.id for node in first} & {node.id for node in second}


def test_where_predictions_choose_all_that_they_choose_from_is_proposed_before() -> None:
    space = ToySpace(5, 6, predicts=True)
    search = Search(space, pool_of(walker()), SearchConfig(), 7)
    measure_all(search, 16)
    batch = search.ask(8)
    assert search.state.chosen_trusting
    nodes = len(search.tree)
    search.prepare(8)
    assert len(search.tree) >= nodes + 8 * search.config.oversample
    nodes, space.predicts = len(search.tree), False  # that is done, too
    search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
    assert search.ask(8) and len(search.tree) == nodes
    assert None not in search.state.running.values()
    search.prepare(8)
    assert not search._foreseen


def test_nobody_is_waited_for_while_the_next_batch_is_proposed() -> None:
    def slow(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        asked.append(view)
        return random_change(view, k, seed)

    asked: list[View] = []
    search = search_of(pool_of(Slow("slow", slow)), digits=4)
    search.pool.books.has_run(1e6)  # it may take a share of that
    batch = search.ask(4)
    calls, nodes = len(asked), len(search.tree)
    assert batch and calls
    search.prepare(4)
    assert (len(asked), len(search.tree)) == (calls, nodes)
    search.tell([Measurement(node.id, 0.001) for node in batch])
    assert search.ask(4) and len(asked) > calls


def test_adopted_records_cost_nothing_and_are_not_proposed_again() -> None:
    search = search_of(pool_of(walker()), digits=2, base=2)
    built = search.space.apply(search.tree.root.built.program, [[SetDecision("d0", 0)]])[0]
    assert isinstance(built, Built)
    search.adopt([(built, 0.002), (built, 0.001)])
    assert [n.author for n in search.tree.nodes[1:]] == ["database"]
    assert search.tree.best is not None and search.tree.best.throughput == 1000.0
    asked: list[object] = []
    while batch := search.ask(2):
        asked += [n.built.program.decisions for n in batch]
        search.tell([Measurement(n.id, 0.01) for n in batch])
    assert (0, 1) not in asked


def test_what_was_rejected_earlier_is_not_proposed() -> None:
    search = search_of(pool_of(walker()), digits=2, base=2)
    wrong = search.space.apply(search.tree.root.built.program, [[SetDecision("d0", 0)]])[0]
    assert isinstance(wrong, Built)
    search.adopt([], {wrong.key})
    assert len(search.tree) == 1
    while batch := search.ask(2):
        assert wrong.key not in {node.built.key for node in batch}
        search.tell([Measurement(node.id, 0.01) for node in batch])
    assert search.tree.root.exhausted


def test_of_many_records_only_the_fastest_take_up_room() -> None:
    search = search_of(pool_of(walker()), digits=3, base=4)
    root = search.tree.root.built.program
    alternatives = [[SetDecision("d0", i), SetDecision("d1", j)] for i in range(4) for j in range(4)]
    known = [(b, toy_seconds(b.program)) for b in search.space.apply(root, alternatives) if isinstance(b, Built)]
    search.adopt(known)
    times = sorted(seconds for built, seconds in known if built.key != search.tree.root.built.key)
    assert [1 / (n.throughput or 0) for n in search.tree.nodes[1:]] == pytest.approx(times[:ADOPTED])
    learned = sorted(1 / one for one in search.tree.history.throughput)
    assert learned == pytest.approx(sorted(seconds for _, seconds in known))
    asked = [n.built.key for _ in range(20) for n in search.ask(1)]
    assert asked and not set(asked) & {built.key for built, _ in known}


def test_at_the_root_the_expert_proposes_what_is_not_known() -> None:
    search = search_of(Pool.built_in("expert"), digits=1, base=2)
    root = search.tree.root
    for one in search.space.apply(root.built.program, [[SetDecision("d0", value)] for value in range(2)]):
        if isinstance(one, Built):
            search.tree.history.know(one.program)
    view = sight.view_of(search.tree, root, search.space, search.pool, search.config)
    assert Expert().propose(view, 4, 1).proposals == ()


def test_the_same_seed_gives_the_same_tree_in_another_process() -> None:
    script = (
        "import sys; sys.path.insert(0, 'tests'); sys.path.insert(0, 'tests/search');"
        "from test_loop import *; s = search_of(pool_of(walker(), walker('b')), digits=4);"
        "[measure_all(s, 4) for _ in range(5)]; print(digits_of(s), [n.member for n in s.tree.nodes])"
    )
    runs = [subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in "ab"]
    here = search_of(pool_of(walker(), walker("b")), digits=4)
    for _ in range(5):
        measure_all(here, 4)
    expected = f"{digits_of(here)} {[n.member for n in here.tree.nodes]}"
    assert [run.stdout.strip() for run in runs] == [expected, expected]
