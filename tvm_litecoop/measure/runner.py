"""A runner that spends its time on good candidates. Owns `AdaptiveRunner` and its worker's part."""

from __future__ import annotations

import logging
import math
import subprocess
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import tvm
from tvm.ir.utils import derived_object
from tvm.s_tir.meta_schedule.runner import LocalRunnerFuture, PyRunner

from tvm_litecoop.measure import cold
from tvm_litecoop.measure.apart import apart
from tvm_litecoop.measure.arguments import ArgsInfo, ArgumentCache, args_key
from tvm_litecoop.measure.known_best import KnownBest
from tvm_litecoop.measure.timing import Effort, Timing, time_kernel
from tvm_litecoop.measure.workers import Outcome, WarmWorkers
from tvm_litecoop.waiting import waiting

MAX_RUNS = 1000
"""Candidates after which the worker is replaced; insurance, as in the builder."""
HOPELESS_RATIO = 1000.0
"""Calls of the best known kernel that a candidate's first calls may last; then its worker is ended."""
LOADED_S = 5.0
"""Seconds for loading a candidate and filling its arguments, beside that."""


@derived_object
class AdaptiveRunner(PyRunner):  # type: ignore[misc]
    """Times candidates in one warm local process, each for as long as it deserves.

    Used like `tvm.s_tir.meta_schedule.runner.LocalRunner`, and `run_secs` means the same: mean seconds per
    call of the kernel, by TVM's `time_evaluator`, though on numbers around 0 where TVM takes 1 to 10. A candidate
    several times slower than the best known for the same arguments is dropped after a couple of calls, one near
    the best is timed longest; see `timing`. One whose first calls do not end within a thousand times the best has
    timed out. Where the builder noted which arguments are weights (`WarmBuilder(cold_weights=True)`), no cache
    holds them when a call begins.
    Never two candidates at once.

    The process inherits the environment of the moment of construction, `TVM_NUM_THREADS` for one.

    Args:
        timeout_sec: Seconds one candidate may take, all its repeats together.
        min_repeat_ms: Milliseconds of timed calls for an ordinary candidate, over all its repeats.
        repeats: Number of repeats, that is of values in `run_secs`; more for a candidate near the best, fewer
            for a slow one.
        give_up_ratio: A candidate this many times slower than the best known is dropped; `math.inf` for
            never.
        initializer: Runs in each new process, for instance to register functions that kernels call.
    """

    def __init__(
        self,
        *,
        timeout_sec: float = 30.0,
        min_repeat_ms: float = 30.0,
        repeats: int = 3,
        give_up_ratio: float = 3.0,
        initializer: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.timeout_sec = timeout_sec
        self.effort = Effort(min_repeat_ms, repeats, give_up_ratio)
        self._best = KnownBest()
        self._workers = WarmWorkers(
            1,
            partial(_prepare, initializer),
            timeout_s=timeout_sec,
            max_uses=MAX_RUNS,
            # LocalRunner's rule: the noise of crashing candidates is shown to those who debug.
            stderr=None if logging.root.level <= logging.DEBUG else subprocess.DEVNULL,
        )
        weakref.finalize(self, self._workers.close)  # also at the exit of the interpreter

    def run(self, runner_inputs: list[Any]) -> list[Any]:
        """Time candidates, one after the other.

        Args:
            runner_inputs: TVM's `RunnerInput`s.

        Returns:
            One finished `LocalRunnerFuture` per input, in their order, with `run_secs` or the error text.

        Raises:
            Exception: What `initializer` raised in a new worker.
            LiteCoOpError: After `close`; TVM's FFI passes it on as a RuntimeError of the same text.
        """
        with waiting(f"timing {len(runner_inputs)} programs"):
            return self._run([_Candidate.of(item) for item in runner_inputs])

    def _run(self, candidates: list[_Candidate]) -> list[Any]:
        outcomes = [self._time(candidate) for candidate in candidates]
        timings = [outcome.value for outcome in outcomes if outcome.error is None]
        if timings and all(timing.gave_up for timing in timings):
            # Nothing in the whole batch, which is of one task, was worth timing. After too many of these in a
            # row, rather distrust the best known, and look again at those that were measured against it.
            doubtful = {candidate.key for candidate in candidates if self._best.doubtful(candidate.key)}
            for key in doubtful:
                self._best.forget(key)
            outcomes = [
                self._time(candidate) if candidate.key in doubtful and outcome.error is None else outcome
                for candidate, outcome in zip(candidates, outcomes, strict=True)
            ]
        return [self._future(outcome) for outcome in outcomes]

    def close(self) -> None:
        """End the worker. Calling it again does nothing."""
        self._workers.close()

    def _time(self, candidate: _Candidate) -> Outcome:
        best_s = self._best.seconds(candidate.key)
        limit_s = math.inf if best_s is None else LOADED_S + HOPELESS_RATIO * best_s
        outcome = self._workers.run(_time_artifact, candidate, self.effort, best_s, limit_s=limit_s)
        if outcome.error is None:
            self._best.note(candidate.key, outcome.value)
        return outcome

    def _future(self, outcome: Outcome) -> Any:
        error = outcome.error_text("LocalRunner", self.timeout_sec, end="\n")
        return LocalRunnerFuture(None if error else list(outcome.value.run_secs), error)


@dataclass(frozen=True)
class _Candidate:
    """A RunnerInput as plain data."""

    artifact_path: str
    device_type: str
    args_info: ArgsInfo

    @classmethod
    def of(cls, item: Any) -> _Candidate:
        args_info = [info.as_json() for info in item.args_info]
        return cls(str(item.artifact_path), str(item.device_type), args_info)

    @property
    def key(self) -> str:
        return args_key(self.device_type, self.args_info)


_arguments = ArgumentCache()
"""The worker's own; empty and unused in the parent."""


def _time_artifact(candidate: _Candidate, effort: Effort, best_s: float | None) -> Timing:
    module = tvm.runtime.load_module(candidate.artifact_path)
    device = tvm.runtime.device(candidate.device_type, 0)
    args = _arguments.get(device, candidate.args_info)

    def clock(number: int, repeat: int, min_ms: float) -> list[float]:
        evaluator = module.time_evaluator(
            module.entry_name, device, number=number, repeat=repeat, min_repeat_ms=int(min_ms)
        )
        device.sync()
        return [float(seconds) for seconds in evaluator(*args).results]

    chilled = cold.noted(candidate.artifact_path)
    with apart():
        return time_kernel(cold.cold_clock(module, device, args, chilled) if chilled else clock, effort, best_s)


def _prepare(initializer: Callable[[], None] | None) -> None:
    if initializer is not None:
        initializer()
