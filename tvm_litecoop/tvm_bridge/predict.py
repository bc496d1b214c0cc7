"""TVM's cost model as a scorer of schedules: one call for many candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm.s_tir import meta_schedule as ms


class Predictor:
    """Scores schedules with the cost model of the run.

    TVM's XGBModel answers with uniform noise until it has enough samples (`num_warmup_samples`), and RandomModel
    always does; the search finds that out by itself (`search.trust`), so nothing is assumed here.
    """

    def __init__(self, cost_model: Any, context: Any, args_info: Any) -> None:
        self._cost_model = cost_model
        self._context = context
        self._args_info = args_info

    def predict(self, schedules: Sequence[Any]) -> list[float]:
        """One score per schedule, to four places, higher is faster."""
        candidates = [ms.MeasureCandidate(schedule, self._args_info) for schedule in schedules]
        return [round(float(score), 4) for score in self._cost_model.predict(self._context, candidates)]

    def learn(self, schedules: Sequence[Any], run_secs: Sequence[Sequence[float]]) -> None:
        """Train on candidates that an earlier process measured."""
        candidates = [ms.MeasureCandidate(schedule, self._args_info) for schedule in schedules]
        results = [ms.runner.RunnerResult(list(times), None) for times in run_secs]
        self._cost_model.update(self._context, candidates, results)
