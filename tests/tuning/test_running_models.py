"""Comparing and timing compiled models."""

from __future__ import annotations

import math
import time
from collections import Counter

import numpy as np
import pytest
import tvm

from tvm_litecoop.tuning import end_to_end
from tvm_litecoop.tuning.end_to_end import _leaves, allowed, deviation, in_turns, middle


def test_deviation_is_in_units_of_what_is_allowed() -> None:
    right = np.array([1.0, -2.0, 100.0], np.float32)
    assert deviation([right], [right]) == 0.0
    assert deviation([right + np.float32(0.05)], [right]) > 1.0 > deviation([right + np.float32(0.005)], [right])
    assert deviation([right[:2]], [right]) == deviation([], [right]) == math.inf
    odd = np.array([np.nan, np.inf, 1.0], np.float32)
    assert deviation([odd], [odd]) == 0.0 and deviation([right], [odd]) == deviation([odd], [right]) == math.inf
    whole = np.array([1, 2], np.int64)
    assert deviation([whole], [whole]) == 0.0 and deviation([whole + 1], [whole]) == math.inf
    zeros = np.zeros(2)
    assert deviation([zeros], [zeros]) == 0.0 and deviation([zeros + 1e-6], [zeros]) < 1.0 < deviation(
        [zeros + 1], [zeros]
    )


def test_what_is_allowed_hangs_on_the_dtype() -> None:
    single, half = np.array([1.0, 0.5], np.float32), np.array([1.0, 0.5], np.float16)
    assert deviation([half + np.float16(2e-3)], [half]) < 1.0 < deviation([single + np.float32(2e-3)], [single])
    assert deviation([half + np.float16(0.1)], [half]) > 1.0
    brain = half.astype("bfloat16")
    assert deviation([brain * 1.01], [brain]) < 1.0 < deviation([brain * 2], [brain])
    said = allowed([half, np.array([1])])
    assert said == "float16: rtol 0.01, and 0.0039 of the largest; int64: exactly"


def test_only_tensors_are_outputs() -> None:
    one = tvm.runtime.tensor(np.ones(2, np.float32))
    assert len(list(_leaves([one, [None, one], 3]))) == 2


def test_slow_programs_are_timed_in_the_first_rounds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_to_end, "LONG_S", 0.5)
    monkeypatch.setattr(end_to_end, "ROUND_S", 0.0)
    calls: Counter[str] = Counter()

    def slow() -> None:
        calls["slow"] += 1
        time.sleep(0.6)

    columns = in_turns([slow, lambda: calls.update(["quick"])])
    assert [len(column) for column in columns] == [3, 30] and calls["slow"] == 4
    assert len(in_turns([slow])[0]) == 3


def test_the_middle_is_the_median_with_its_range() -> None:
    median, low, high = middle([1.0, 2.0, 3.0])
    assert median == 2.0 and 1.0 < low < median < high < 3.0
