"""Timing in turns: everything in every round, every other one backwards, fewer where slow; and what is timed."""

from __future__ import annotations

import time

from tvm_litecoop.certify.compare import off_reference
from tvm_litecoop.certify.kernels import ROUNDS, Timer, compiled, turns
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse


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


def test_a_kernel_is_timed_as_the_library_that_runners_time() -> None:
    workload = parse("softmax:4x8")
    kernel = compiled(workload.mod, parse_target(""))
    assert kernel.kind == "library"
    assert off_reference(kernel, workload, parse_target("")) <= 1.0
