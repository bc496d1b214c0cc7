"""`LiteCoOpStrategy`: a thin adapter between TVM's search-strategy interface and the shared tree. No algorithm here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import SearchError
from tvm_litecoop.journal.journal import Journal
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.nest import Machine
from tvm_litecoop.search.loop import Search
from tvm_litecoop.tvm_bridge.context import Context
from tvm_litecoop.tvm_bridge.records import folder_of
from tvm_litecoop.tvm_bridge.task import Task

logger = logging.getLogger(__name__)

BESIDE = "beside the database"
"""Where the journal is by default."""


@derived_object
class LiteCoOpStrategy(ms.search_strategy.PySearchStrategy):  # type: ignore[misc]
    """Tree search with a pool of members, in place of MetaSchedule's evolutionary search.

    ```python
    database = ms.tune_tir(mod, target, work_dir="w", max_trials_global=64, strategy=LiteCoOpStrategy())
    ```

    Works with any builder, runner, cost model and database of TVM. Without a database nothing is reused from earlier
    runs; without a cost model nothing is predicted.

    Args:
        pool: The members that take turns; the embedded default pool where none is given. All
            tasks of a run share it.
        config: Settings of the search.
        machine: Facts of the target; read from the target and this machine where none are given.
        seed: Makes all randomness; TVM's own seed of the task (`tune_tir(..., seed=)`) where none is given.
        journal: Directory of the journal, from which a run that was cut off is gone on with; by default that of TVM's
            JSONDatabase, where the database is one; None for no journal.

    Attributes:
        searches: The trees of the tasks tuned so far, by this strategy and its clones (TVM clones it for each task).
        refused: Why tasks have no tree: no program of the design space survives TVM's postprocs, or a shape is not
            known. Each is logged and ends at once, as in TVM's own search; the others go on.
        stop: Asked before each batch. Where it says True none is begun, so that TVM takes in what is measured and ends;
            a later run goes on from there.

    Raises:
        SearchError: Where the methods are called out of order.
        WorkDirError: From `pre_tuning` where another process works in the journal's directory; from
            `generate_measure_candidates` and `post_tuning` where records of a batch did not get to the disk.
    """

    def __init__(
        self,
        pool: Pool | None = None,
        config: SearchConfig | None = None,
        machine: Machine | None = None,
        seed: int | None = None,
        journal: str | Path | None = BESIDE,
    ) -> None:
        super().__init__()
        self.pool = pool or Pool.default()
        self.config = config or SearchConfig()
        self.machine = machine
        self.seed = seed
        self.searches: list[Search] = []
        self.refused: list[SearchError] = []
        self.stop: Callable[[], bool] = lambda: False
        self._journal = Journal(None if journal == BESIDE else journal, on=journal is not None)
        self._context: Context | None = None
        self._task: Task | None = None
        self._asked: list[Task] = []  # whose batch was asked for last, shared by clones
        self._under_way: list[Task] = []  # of all clones
        self._idle = False  # in a task that was refused

    def _initialize_with_tune_context(self, context: Any) -> None:
        self._context = Context.of(context)
        self._task, self._idle = None, False

    def pre_tuning(
        self,
        max_trials: int,
        num_trials_per_iter: int,
        design_spaces: list[Any],
        database: Any = None,
        cost_model: Any = None,
    ) -> None:
        """Read the design spaces and what the database already holds; the tree starts here.

        Args:
            max_trials: Trials this task may use.
            num_trials_per_iter: Largest batch to be measured at once.
            design_spaces: Schedules, one per sketch.
            database: Records of earlier runs are adopted, not measured again; None for none.
            cost_model: Scores candidates once it has proved itself; None for none.

        Raises:
            SearchError: The call is out of order.
            WorkDirError: Another process works in the journal's directory.
        """
        if self._context is None:
            raise SearchError("pre_tuning before the strategy was given a TuneContext", "pass it to TuneContext(...)")
        if self._task is not None or self._idle:
            raise SearchError("pre_tuning twice without post_tuning", "call post_tuning() first")
        self._asked.clear()  # of a run that an exception has ended
        self._begin_run(database)
        self.pool.remember(self._journal)
        try:
            self._task = Task(
                self._context,
                design_spaces,
                pool=self.pool,
                config=self.config,
                machine=self.machine,
                seed=self.seed,
                trials=max_trials,
                batch=num_trials_per_iter,
                database=database,
                cost_model=cost_model,
                journal=self._journal,
            )
        except SearchError as error:
            logger.warning("%s is not tuned: %s", self._context.task_name, error)
            self.refused.append(error)
            self._idle = True
            return
        self.searches.append(self._task.search)
        self._under_way.append(self._task)

    def post_tuning(self) -> None:
        """Let go of the tree's threads and of the cost model's context; the journal notes that the task is finished.

        It is not where the run was stopped; then nobody waits for calls that still fly, either.

        Raises:
            SearchError: The call is out of order.
            WorkDirError: Records of the last batch are not on disk.
        """
        if self._idle:
            self._idle = False
            return
        task, stopped = self._started("post_tuning"), self.stop()
        self._asked.clear()
        self._forget(task)
        task.close(wait=not stopped)
        if not stopped:
            self._journal.ended(task.book)
        self._task = None

    def generate_measure_candidates(self) -> Any:
        """The next batch to measure; None when the trials are used up, nothing new can come, or the run is stopped.

        Raises:
            SearchError: The call is out of order.
            WorkDirError: Records of a batch before are not on disk.
        """
        if self._idle:
            return None
        task = self._started("generate_measure_candidates")
        self._asked[:] = [task]
        return None if self.stop() else task.generate()

    def prepare(self) -> None:
        """Propose for the next batch; for a builder to call while it builds this one.

        ```python
        strategy = LiteCoOpStrategy()
        builder = WarmBuilder(f_export=export_shared, meanwhile=strategy.prepare)
        ```

        So the search costs little time where builds leave a core idle. It begins when enough is known for one batch
        more or less to matter little.
        """
        for task in self._asked:
            task.prepare()

    def notify_runner_results(self, measure_candidates: Any, results: Any) -> None:
        """Back the measured run times up the tree.

        Args:
            measure_candidates: The batch; results are matched to the tree by its order.
            results: One of TVM's RunnerResult for each candidate, run times in seconds.
        """
        self._started("notify_runner_results").notify(results)

    def close(self, *, finished: bool = False) -> None:
        """Let go of the threads of every tree; for a run that ended in the middle, where TVM calls no post_tuning.

        Args:
            finished: The run has made its trials all the same: no later one goes on with it.
        """
        self._asked.clear()
        self._under_way.clear()
        try:
            for search in self.searches:
                search.close()
            if finished:
                self._journal.finish()
        finally:
            self._journal.close()

    def clone(self) -> Any:
        """A strategy with its own tree, the same pool, and the same list of searches."""
        twin = LiteCoOpStrategy(self.pool, self.config, self.machine, self.seed)
        twin.searches, twin.refused = self.searches, self.refused
        twin.stop, twin._journal = self.stop, self._journal
        twin._asked, twin._under_way = self._asked, self._under_way
        return twin

    def has_made(self, trials: int, since: int = 0) -> bool:
        """Whether a run of several tasks that was gone on with has made its trials: TVM counts this process's alone.

        Args:
            trials: Of all tasks, those before the run was cut off among them.
            since: Trees in `searches` that are of earlier runs.
        """
        searches = self.searches[since:]
        carried = len(searches) > 1 and any(search.carried.trials for search in searches)
        return carried and sum(search.begun for search in searches) >= trials

    def _begin_run(self, database: Any) -> None:
        """Begin a run, unless the one under way goes on with another task; TVM uses no task before all begin.

        One that an exception has ended is let go of, wherever its journal is.
        """
        left_open = self._journal.left_open(folder_of(database), database)
        if left_open or any(task.book.used or task.database != database for task in self._under_way):
            for task in self._under_way:
                task.search.close()
            self._under_way.clear()
        if left_open:
            self._journal.let_go(left_open)
        if not self._under_way:
            self.pool.begin()
            self._journal.begin_run()

    def _forget(self, task: Task) -> None:
        if task in self._under_way:
            self._under_way.remove(task)

    def _started(self, method: str) -> Task:
        if self._task is None:
            raise SearchError(f"{method} before pre_tuning", "call pre_tuning(...) first, as TVM's task scheduler does")
        return self._task
