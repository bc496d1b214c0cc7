"""The regression against functions it can know, programs as points, and what the surrogate makes of a search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from toy import ToySpace, toy_seconds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.gaussian import Gaussian
from tvm_litecoop.models.points import Points
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.surrogate import Surrogate
from tvm_litecoop.nest import Machine
from tvm_litecoop.search.events import Answered, Asked, Event
from tvm_litecoop.search.loop import Search
from tvm_litecoop.sites import Choice, Site, Tile
from tvm_litecoop.values import Built, Measurement, Program, Proposal, SetDecision
from tvm_litecoop.view import History, Sketch


def test_a_smooth_function_is_predicted_better_than_by_its_mean() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 6, (60, 2))
    values = np.sin(points[:, 0] / 2) + 0.1 * points[:, 1]
    model = Gaussian(points[:40], np.zeros(40), values[:40])
    mean, deviation = model.predict(points[40:], np.zeros(20))
    assert np.std(mean - values[40:]) < 0.5 * np.std(values[40:])
    assert (deviation >= 0).all()


def test_it_is_sure_where_it_has_seen_and_unsure_where_it_has_not() -> None:
    points = np.arange(8.0)[:, None]
    model = Gaussian(points, np.zeros(8), np.sin(points[:, 0]))
    _, deviation = model.predict(np.array([[3.0], [40.0]]), np.zeros(2))
    assert deviation[0] < 0.5 * deviation[1]


def test_far_from_everything_the_rule_of_thumb_is_left() -> None:
    rng = np.random.default_rng(1)
    points, expected = rng.uniform(0, 3, (30, 2)), rng.normal(0, 3, 30)
    model = Gaussian(points, expected, expected + rng.normal(0, 0.1, 30))
    mean, _ = model.predict(np.full((2, 2), 1e3), np.array([0.0, 2.0]))
    assert mean[1] - mean[0] == pytest.approx(2.0)


@pytest.mark.parametrize("count", [1, 2])
def test_one_observation_is_enough_to_go_on(count: int) -> None:
    model = Gaussian(np.zeros((count, 1)), np.zeros(count), np.ones(count))
    mean, deviation = model.predict(np.ones((3, 1)), np.zeros(3))
    assert np.isfinite(mean).all() and np.isfinite(deviation).all()


def test_a_tile_counts_by_the_extents_inside_its_levels() -> None:
    sites = (Site("i", Tile(64, 3), (4, 2, 8), position=0), Site("unroll", Choice((0, 16, 64)), 1, position=1))
    points = Points([Program(0, ((4, 2, 8), 1)), Program(0, ((1, 64, 1), 2))], [Sketch(0, sites, ())], Machine())
    assert sorted(points.columns) == ["i 0", "i 1", "sketch 0", "unroll"]
    assert points.matrix(["i 0", "i 1", "unroll", "of another sketch"]).tolist() == [[3, 4, 1, 0], [0, 6, 2, 0]]


def test_what_is_known_is_not_proposed_again() -> None:
    space = ToySpace(digits=1, base=4)
    root = space.initial()
    assert isinstance(root, Built)
    history = History()
    for digit in (3, 1, 0):
        history.add(Program(0, (digit,)), 1.0 / (1 + digit))
    answer = Surrogate().ask(replace(space.view(root.program), history=history), 4, seed=1)()
    assert [p.edits for p in answer.proposals if isinstance(p, Proposal)] == [(SetDecision("d0", 2),)]


def test_a_failure_counts_as_slow_and_hides_no_difference_between_the_others() -> None:
    space = ToySpace(digits=2, base=4)
    history = History()
    for digits, throughput in (((0, 3), 9000.0), ((3, 3), 8000.0), ((3, 2), 0.0), ((1, 3), 8700.0), ((2, 3), 8400.0)):
        history.add(Program(0, digits), throughput)
    view = replace(space.view(Program(0, (3, 3))), history=history)
    points = [Program(0, digits) for digits in ((0, 3), (2, 3), (3, 2))]
    mean, _ = Surrogate().predict(view, points)
    fast, slow, failed = 2.0**mean
    assert fast > slow > failed
    assert failed > slow / 4  # of a size with the others, so that the fit still tells these apart


def test_it_learns_what_a_search_without_it_does_not() -> None:
    def best_after(trials: int, member: Expert | Surrogate, seed: int) -> float:
        search = Search(ToySpace(digits=6, base=6), Pool([member]), SearchConfig(), seed)
        seconds: list[float] = []
        while len(seconds) < trials:
            batch = search.ask(8)
            times = [toy_seconds(node.built.program) for node in batch]
            search.tell([Measurement(node.id, time) for node, time in zip(batch, times, strict=True)])
            seconds += times
        return min(seconds)

    learned = [best_after(48, Surrogate(), seed) for seed in (1, 2, 3)]
    drawn = [best_after(48, Expert(), seed) for seed in (1, 2, 3)]  # no rule of it applies here
    assert max(learned) < min(drawn)
    assert best_after(48, Surrogate(), 1) == learned[0]


class Moving(ToySpace):
    """It moves decisions, as TVM does with places that are not legal: there is no 2."""

    def _built(self, digits: tuple[object, ...]) -> Built:
        kept = tuple(1 if digit == 2 else digit for digit in digits)
        return replace(super()._built(kept), moved=tuple(f"d{i}" for i, digit in enumerate(digits) if digit == 2))


@pytest.mark.parametrize("member", [Expert(), Surrogate()], ids=["expert", "surrogate"])
def test_what_came_to_nothing_is_not_proposed_there_again(member: Expert | Surrogate) -> None:
    events: list[Event] = []
    search = Search(Moving(digits=3, base=5), Pool([member]), SearchConfig(), 1, keep=events.append)
    while search.state.trials < 48 and (batch := search.ask(4)):
        search.tell([Measurement(node.id, toy_seconds(node.built.program)) for node in batch])
    nodes = {event.call: event.node for event in events if isinstance(event, Asked)}
    made = [
        (nodes[event.call], frozenset(one.edits))
        for event in events
        if isinstance(event, Answered) and nodes[event.call]
        for one in event.answer.proposals
        if isinstance(one, Proposal)
    ]
    assert any(node.vain for node in search.tree.nodes)
    assert len(made) > 40 and len(made) == len(set(made))


def test_what_waits_to_be_measured_is_not_proposed_again() -> None:
    search = Search(ToySpace(digits=2, base=4), Pool([Surrogate()]), SearchConfig(), 1)
    while search.ask(4):
        search.tell([Measurement(i, toy_seconds(search.tree.nodes[i].built.program)) for i in search.state.running])
    assert len(search.tree) == 16 and not search.pool.stats["surrogate"].rejections["duplicate"]
