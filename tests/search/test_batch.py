"""Which waiting programs are measured where predictions are trusted, and which are given up."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.search import batch

CONFIG = SearchConfig(epsilon=0.2, oversample=3)


@example([0.5] * 7, 8, 0)
@given(st.lists(st.floats(0, 1), max_size=60), st.integers(1, 12), st.integers(0, 99))
def test_a_batch_and_what_is_dropped(scores: list[float], count: int, seed: int) -> None:
    waiting, predicted = list(range(len(scores))), dict(enumerate(scores))
    chosen, dropped = batch.best(waiting, scores, count, CONFIG, random.Random(seed))
    left = set(waiting) - set(chosen) - set(dropped)
    assert len(chosen) == min(count, len(waiting)) == len(set(chosen)) and not set(chosen) & set(dropped)
    assert len(left) == min(len(waiting) - len(chosen), 2 * count)
    assert max((predicted[node] for node in dropped), default=0) <= min((predicted[node] for node in left), default=1)


def test_a_share_is_measured_without_regard_to_predictions() -> None:
    waiting = list(range(30))
    scores = [1.0 - node / 30 for node in waiting]
    found = [batch.best(waiting, scores, 10, CONFIG, random.Random(seed))[0] for seed in range(50)]
    assert all(chosen[:8] == waiting[:8] for chosen in found)
    assert len({node for chosen in found for node in chosen[8:]}) > 15


def test_in_small_batches_now_and_then() -> None:
    waiting = list(range(30))
    scores = [1.0 - node / 30 for node in waiting]
    found = [batch.best(waiting, scores, 2, CONFIG, random.Random(seed))[0] for seed in range(200)]
    lucky = sum(chosen != [0, 1] for chosen in found)
    assert 0.25 < lucky / len(found) < 0.5  # a fifth of two, and once in thirty of these it is the second all the same
