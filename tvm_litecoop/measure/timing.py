"""How long one kernel is timed. Owns that decision; the clock is TVM's `time_evaluator`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tvm_litecoop.values import rounded

Clock: TypeAlias = Callable[[int, int, float], "list[float]"]
"""`(number, repeat, min_ms)` → mean seconds per call, one value per repeat; TVM's `time_evaluator`, which
makes one untimed call first, then `repeat` times `number` calls, or more where these last less than
`min_ms`."""

PROBE_MS = 1.0
"""Milliseconds of the first look: many calls of a kernel of some microseconds, one of a slow kernel."""

LONG_CALL_S = 0.05
"""A call of this many seconds is not multiplied by a hiccup of the machine; a shorter one may be."""


@dataclass(frozen=True)
class Effort:
    """How much time a kernel deserves.

    Attributes:
        min_repeat_ms: Milliseconds of timed calls for a kernel, over all its repeats.
        repeats: Repeats these are divided into, so that noise can be seen.
        give_up_ratio: A kernel this many times slower than the best known gets no more than the first look.
        near_best_ratio: A kernel whose fastest repeat takes up to this many times the best known may be near it.
        longer_factor: Times as much timing for a kernel that may be near the best.
    """

    min_repeat_ms: float = 30.0
    repeats: int = 3
    give_up_ratio: float = 3.0
    near_best_ratio: float = 1.1
    longer_factor: int = 3


@dataclass(frozen=True)
class Timing:
    """What was measured.

    Attributes:
        run_secs: Mean seconds per call, one value per repeat; never empty.
        gave_up: Whether timing ended at the first look.
    """

    run_secs: tuple[float, ...]
    gave_up: bool = False

    @property
    def seconds(self) -> float:
        """The median repeat."""
        return statistics.median(self.run_secs)


def time_kernel(clock: Clock, effort: Effort, best_s: float | None) -> Timing:
    """Time one kernel for as long as it deserves.

    Args:
        clock: Times the kernel.
        effort: What it deserves.
        best_s: Seconds per call of the best kernel known for the same arguments, or None for the first.

    Returns:
        The repeats. Every value is an honest mean over timed calls; a hopeless kernel's are few and rest on
        few calls.
    """
    limit_s = math.inf if best_s is None else effort.give_up_ratio * best_s
    repeat_ms = effort.min_repeat_ms / effort.repeats
    looks = clock(1, 1, PROBE_MS)
    if min(limit_s, repeat_ms / 1e3) < looks[0] < LONG_CALL_S:
        looks += clock(1, 1, PROBE_MS)  # so much would follow from one call
    first_s = min(looks)
    if first_s > limit_s:
        return Timing(tuple(map(rounded, looks)), gave_up=True)
    number = max(1, math.ceil(repeat_ms / 1e3 / max(first_s, 1e-9)))
    run_secs = looks if number == 1 else []  # a look is one call, so it may count as a repeat of one call

    def repeat_for(total_ms: float) -> None:
        missing = max(1, round(total_ms / 1e3 / (number * first_s))) - len(run_secs)
        if missing > 0:
            # The second limit is for a first look that took much too long, and made `number` too small.
            run_secs.extend(clock(number, missing, repeat_ms / 2))

    repeat_for(effort.min_repeat_ms)
    if best_s is None or min(run_secs) <= effort.near_best_ratio * best_s:
        repeat_for(effort.min_repeat_ms * effort.longer_factor)
    return Timing(tuple(map(rounded, run_secs)))
