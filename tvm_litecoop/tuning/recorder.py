"""What happens during a run, trial by trial: a TVM measure callback that keeps the curve and tells a listener."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.tvm_bridge.records import mean_seconds

Curve = list[tuple[int, float, float]]
Listener = Callable[[int, "float | None"], None]


@derived_object
class Recorder(ms.measure_callback.PyMeasureCallback):  # type: ignore[misc]
    """Counts trials and keeps (trial, seconds, best seconds) after every batch, whatever the strategy.

    Also how many failed, and the first error.

    Args:
        known_s: Seconds of the best kernel that earlier runs left in the database; None for none.
        on_batch: Called with (trials so far, best seconds or None) after every batch; what it raises ends the run.
        carried: Trials of an unfinished run that is gone on with.
    """

    def __init__(self, known_s: float | None, on_batch: Listener, carried: Callable[[], int] = lambda: 0) -> None:
        super().__init__()
        self._carried = carried
        self.curve: Curve = []
        self._measured = 0
        self.failed = 0
        self.first_failure = ""
        self.best_s = known_s
        self._on_batch = on_batch
        self._start = time.perf_counter()

    @property
    def trials(self) -> int:
        """Candidates measured so far, those of an unfinished run before this one among them."""
        return self._measured + self._carried()

    def apply(self, task_scheduler: Any, task_id: int, candidates: Any, builds: Any, results: Any) -> None:
        """TVM calls this after every batch."""
        for result in results:
            self._measured += 1
            seconds = mean_seconds(result.run_secs)
            if seconds is None:
                self.failed += 1
                self.first_failure = self.first_failure or last_line(result.error_msg)
            elif self.best_s is None or seconds < self.best_s:
                self.best_s = seconds
        if self.best_s is not None:
            self.curve.append((self.trials, time.perf_counter() - self._start, self.best_s))
        self._on_batch(self.trials, self.best_s)


def last_line(message: Any) -> str:
    """The line of an error that says what happened."""
    lines = str(message or "").strip().splitlines()
    return lines[-1].strip() if lines else ""
