"""One tuning task: TVM's context on one side, the search on the other, candidates and results in between."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import tvm
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop._version import __version__
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import SearchError, last_line
from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.journal import Journal, Subject
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.nest import Machine
from tvm_litecoop.search.loop import Search
from tvm_litecoop.search.space import root_of
from tvm_litecoop.tvm_bridge.arguments import args_of, refusal
from tvm_litecoop.tvm_bridge.context import Context, identity
from tvm_litecoop.tvm_bridge.machine import machine_of, warn_of_idle_cores
from tvm_litecoop.tvm_bridge.on_disk import OnDisk
from tvm_litecoop.tvm_bridge.predict import Predictor
from tvm_litecoop.tvm_bridge.records import Records, folder_of, measured_in, measurement_of
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.waiting import waiting

logger = logging.getLogger(__name__)

LATE_S = 20.0
"""Seconds at the end of a task for calls that still fly: what they cost belongs into the statistics."""
KNOWN_BATCHES = 8
"""Batches that are measured before one is proposed without the results of the one before it: what that one adds to what
is known is little then."""
READING_S = 1.0
"""Seconds of a batch's builds in which design spaces are read before that."""
MANY = 4
"""Programs that hardly all fail but for the machine's fault, such as a full disk."""
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
        trials: Trials this task may use, those of an unfinished run before it among them.
        batch: Largest batch.
        database: Records of earlier runs; None for none.
        cost_model: None for none.
        journal: An unfinished run of this task in it is gone on with.

    Raises:
        SearchError: There is nothing to search: no program of the design spaces survives TVM's postprocs, or a shape
            is not known.
        WorkDirError: Records of an unfinished run, which its database lacks, cannot be written to it.
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
        database: Any,
        cost_model: Any,
        journal: Journal,
    ) -> None:
        warn_of_idle_cores(context.target)
        self._context = context
        self.database = database
        self._trials, self._batch = trials, batch
        self._measuring: list[int] = []
        self._failing = False
        self._predictor = None
        if why := refusal(context.mod):
            raise SearchError(f"it {why}", "fix the shapes of its arguments")
        if cost_model is not None:
            self._predictor = Predictor(cost_model, context.for_cost_model(), args_of(context.mod))
        self.space = TvmSpace(
            context.mod,
            design_spaces,
            postprocs=context.space_generator.postprocs or [],
            mutators=mutators_of(context),
            machine=machine or machine_of(context.target, context.num_threads),
            predictor=self._predictor,
            threads=context.num_threads,
        )
        self.book = Book()
        try:
            root_of(self.space)  # a task without one has no place in the journal
            subject = self._subject(pool, config, context.rand_state if seed is None else seed)
            book = self.book = journal.begin(subject, folder_of(database), database)
            self.search = Search(self.space, pool, config, book.seed, book.keep, book.past, name=book.name)
            self._disk = OnDisk(database) if folder_of(database) is not None else None
            self._go_on(database)
            self._check_disk()
            book.used = False  # what was recalled is of before
        except BaseException:
            journal.dropped(self.book)
            self.space.close()
            raise

    def _subject(self, pool: Pool, config: SearchConfig, seed: int) -> Subject:
        """What the journal knows this task by."""
        context = self._context
        facts = {
            "litecoop": __version__,
            "TVM": str(tvm.__version__),
            "design space": self.space.signature,
            "settings": json.dumps(vars(config)),
        }
        return Subject(identity(context.mod, context.target), facts, pool.described(), seed)

    def _go_on(self, database: Any) -> None:
        """Bring tree, database and cost model to the same state."""
        past, state = self.book.past, self.search.state
        if database is not None:
            context = self._context
            Records(database, context.mod, context.target, self.space).share(self.search, past)
        if not past:
            return
        trained = [one for one in measured_in(past).values() if one.run_secs]
        if self._predictor is not None and trained:
            schedules = [self.space.schedule(self.search.tree.nodes[one.node].built.program) for one in trained]
            self._predictor.learn(schedules, [one.run_secs for one in trained])
        logger.warning(
            "%s: going on with the unfinished run: %d programs in the tree, %d trials are done",
            self._context.task_name,
            len(state.tree),
            state.trials,
        )

    def generate(self) -> list[Any] | None:
        """The next measure candidates, or None when the task is done.

        Raises:
            WorkDirError: Records of the batches before are not on disk.
        """
        self._check_disk()
        left = self._trials - self.search.state.trials
        size = min(left, self._batch)
        if self.search.state.batches == 0 and left > size // FIRST_SHARE >= FIRST_SHARE:
            size //= FIRST_SHARE
        with waiting(self._proposing()):
            nodes = self.search.ask(size, ahead=min(left - size, self._batch)) if size > 0 else []
        if not nodes:
            return None
        self._measuring = [node.id for node in nodes]
        schedules = [self.space.schedule(node.built.program) for node in nodes]
        return [ms.MeasureCandidate(schedule, args_of(schedule.mod)) for schedule in schedules]

    def prepare(self) -> None:
        """Propose for the next batch while this one is built, where its results would change little.

        Before that, design spaces are read; it changes nothing but when.
        """
        if self.search.state.trials < KNOWN_BATCHES * self._batch:
            self.space.read(READING_S)
            return
        count = min(self._trials - self.search.begun, self._batch)
        if count > 0:
            self.search.prepare(count)
            self.book.write_out()  # a process that dies before the results are told must not propose after them

    def _proposing(self) -> Callable[[], str]:
        """What is waited for while programs are proposed, step by step."""
        state = self.search.state
        steps, nodes = state.steps, len(state.tree)
        return lambda: f"proposing: {len(state.tree) - nodes or 'no'} new programs in {state.steps - steps} steps"

    def notify(self, results: Sequence[Any]) -> None:
        """Book TVM's results, in the order of the candidates; where all of them failed, that is said."""
        measured = [
            measurement_of(node, result.run_secs, _reason(result.error_msg))
            for node, result in zip(self._measuring, results, strict=True)
        ]
        self._measuring = []
        self.search.tell(measured)
        failing = len(measured) >= MANY and all(one.seconds is None for one in measured)
        if failing and not self._failing:
            logger.warning(
                "%s: all %d programs of a batch failed, the first of: %s",
                self._context.task_name,
                len(measured),
                measured[0].error,
            )
        self._failing = failing

    def close(self, *, wait: bool) -> None:
        """Let go of threads and schedules.

        Args:
            wait: For answers that were paid for, to book them.

        Raises:
            WorkDirError: Records of the last batch are not on disk; the journal can still write them.
        """
        self.search.close(LATE_S if wait else 0.0)
        self._check_disk()

    def _check_disk(self) -> None:
        if self._disk is not None:
            self._disk.check()


def mutators_of(context: Any) -> dict[str, tuple[Any, float]]:
    """TVM's mutators of a context with their probabilities, by name and in order of the name.

    `MutateParallel` is left out: it changes an annotation of the design space, not a decision of the program.
    """
    found = (context.space_generator.mutator_probs or {}).items()
    named = {str(mutator).rsplit(".", 1)[-1]: (mutator, float(probability)) for mutator, probability in found}
    return {name: named[name] for name in sorted(named) if not name.startswith("MutateParallel")}


def _reason(message: Any) -> str:
    """One line of an error: whose it is, and what happened, between which TVM puts a traceback."""
    lines = str(message).strip().splitlines() if message else []
    if len(lines) < 2:
        return "".join(lines)
    return f"{lines[0].partition(':')[0]}: {last_line(message)}"
