"""One tuning task: TVM's context on one side, the search on the other, candidates and results in between."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.nest import Machine
from tvm_litecoop.search.loop import Search
from tvm_litecoop.tvm_bridge.context import Context
from tvm_litecoop.tvm_bridge.machine import machine_of, warn_of_idle_cores
from tvm_litecoop.tvm_bridge.predict import Predictor
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.values import Built, Measurement

logger = logging.getLogger(__name__)

LATE_S = 20.0
"""Seconds at the end of a task for calls that still fly: what they cost belongs into the statistics."""
FIRST_SHARE = 4
"""The first batch is a quarter of the others: its results steer everything after it."""


class Task:
    """The search of one workload, in TVM's terms.

    Args:
        context: Module, target and space generator of the task.
        design_spaces: TVM's design spaces.
        pool: Members, shared with other tasks.
        config: Settings of the search.
        machine: Facts of the target; None to read them.
        seed: None to use the context's random state.
        trials: Trials this task may use.
        batch: Largest batch.
        cost_model: None for none.

    Raises:
        SearchError: No program of the design spaces survives TVM's postprocs.
    """

    def __init__(
        self,
        context: Context,
        design_spaces: Sequence[Any],
        *,
        pool: Pool,
        config: SearchConfig,
        machine: Machine | None,
        seed: int | None,
        trials: int,
        batch: int,
        cost_model: Any,
    ) -> None:
        warn_of_idle_cores(context.target)
        self._context = context
        self._args_info = ms.arg_info.ArgInfo.from_entry_func(context.mod, remove_preproc=True)
        self._left, self._batch = trials, batch
        self._measuring: list[int] = []
        self._batches = 0
        predictor = None
        if cost_model is not None:
            predictor = Predictor(cost_model, context.for_cost_model(), self._args_info)
        self.space = TvmSpace(
            context.mod,
            design_spaces,
            postprocs=context.space_generator.postprocs or [],
            mutators=mutators_of(context),
            machine=machine or machine_of(context.target, context.num_threads),
            predictor=predictor,
            threads=context.num_threads,
        )
        self.search = Search(self.space, pool, config, seed if seed is not None else context.rand_state)

    def adopt(self, database: Any) -> None:
        """Take over what the database already knows of this workload; nothing is measured again."""
        if not database.has_workload(self._context.mod):
            return
        workload = database.commit_workload(self._context.mod)
        known: list[tuple[Built, float]] = []
        for record in database.get_top_k(workload, 1_000_000):
            if str(record.target) != str(self._context.target):
                continue  # run times of another target say nothing about this one
            seconds = mean_seconds(record.run_secs)
            built = self.space.recorded(record.trace)
            if isinstance(built, Built) and seconds:
                known.append((built, seconds))
            elif not isinstance(built, Built):
                logger.info("a record of the database is not used: %s", built)
        self.search.adopt(known)

    def generate(self) -> list[Any] | None:
        """The next measure candidates, or None when the task is done."""
        size = min(self._left, self._batch)
        if self._batches == 0 and self._left > size // FIRST_SHARE >= FIRST_SHARE:
            size //= FIRST_SHARE
        nodes = self.search.ask(size, ahead=min(self._left - size, self._batch)) if size > 0 else []
        if not nodes:
            return None
        self._batches += 1
        self._left -= len(nodes)
        self._measuring = [node.id for node in nodes]
        schedules = [self.space.schedule(node.built.program) for node in nodes]
        return [ms.MeasureCandidate(schedule, self._args_info) for schedule in schedules]

    def notify(self, results: Sequence[Any]) -> None:
        """Book TVM's results, in the order of the candidates."""
        measured = [
            Measurement(node, mean_seconds(result.run_secs), _first_line(result.error_msg))
            for node, result in zip(self._measuring, results, strict=True)
        ]
        self._measuring = []
        self.search.tell(measured)

    def close(self) -> None:
        """Let go of threads and schedules; answers that were paid for are waited for, to be booked."""
        self.search.close(LATE_S)


def mean_seconds(run_secs: Any) -> float | None:
    """Mean run time in seconds; None where there is none, or only a mark of failure."""
    times = [float(s) for s in run_secs or ()]
    return sum(times) / len(times) if times and max(times) < 1e9 else None


def mutators_of(context: Any) -> dict[str, tuple[Any, float]]:
    """TVM's mutators of a context with their probabilities, by name and in order of the name.

    `MutateParallel` is left out: it changes an annotation of the design space, not a decision of the program.
    """
    found = (context.space_generator.mutator_probs or {}).items()
    named = {str(mutator).rsplit(".", 1)[-1]: (mutator, float(probability)) for mutator, probability in found}
    return {name: named[name] for name in sorted(named) if not name.startswith("MutateParallel")}


def _first_line(message: Any) -> str:
    lines = str(message).strip().splitlines() if message else []
    return lines[0] if lines else ""
