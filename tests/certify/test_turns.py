"""Timing in turns: everything in every round, every other round backwards, fewer rounds where they are slow."""

from __future__ import annotations

import time

from tvm_litecoop.certify.kernels import ROUNDS, Timer, turns


def test_every_timer_is_asked_in_every_round_in_both_orders() -> None:
    asked: list[str] = []

    def timer(name: str, seconds: float) -> Timer:
        def timed() -> float:
            asked.append(name)
            return seconds

        return timed

    assert turns([timer("a", 1.0), timer("b", 2.0)]) == [[1.0] * ROUNDS[1], [2.0] * ROUNDS[1]]
    assert "".join(asked[:4]) == "baab" and len(asked) == 2 * ROUNDS[1]


def test_slow_ones_get_fewer_rounds() -> None:
    def slow() -> float:
        time.sleep(0.01)
        return 0.01

    assert turns([slow], limit_s=0.01) == [[0.01] * ROUNDS[0]]


def test_nothing_is_timed_in_no_time() -> None:
    assert turns([]) == []
