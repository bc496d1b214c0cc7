"""A pool of warm processes. Owns which of them works, waits, starts or is replaced.

`tvm.support.popen_pool.PopenPoolExecutor` starts its processes on first use, in the middle of the work, and
starts them again there whenever one was lost. Here starting is separate from working:

- workers start and run `prepare` in the background, from construction on;
- a worker that crashed, hung or has done `max_uses` jobs is replaced while the others go on;
- `settle` waits for those starts, so that nothing computes beside a measurement that follows;
- a worker that dies idle is replaced before a job is given to it.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tvm_litecoop.errors import LiteCoOpError, last_line
from tvm_litecoop.measure.process import GRACE_S, WarmProcess


@dataclass(frozen=True)
class Outcome:
    """What became of one job: its `value`, or the `error` that took its place.

    Attributes:
        error: `TimeoutError` for a job over its time, `ChildProcessError` for a worker that died under it,
            otherwise what the job raised, with the worker's traceback as its text.
        seconds: How long it took, or was let go on.
        ended: When it was over, by `time.perf_counter`.
    """

    value: Any = None
    error: Exception | None = None
    seconds: float = 0.0
    ended: float = 0.0

    def error_text(self, who: str, timeout_s: float, end: str = "") -> str | None:
        """The error in the words of TVM's LocalBuilder and LocalRunner, or None for a value."""
        if self.error is None:
            return None
        if isinstance(self.error, TimeoutError):
            return f"{who}: Timeout, killed after {min(timeout_s, round(self.seconds, 1))} seconds{end}"
        return f"{who}: An exception occurred\n{self.error}"


class WarmWorkers:
    """A fixed number of processes that run pickled functions, each one job at a time.

    Args:
        count: Number of processes, all started at once in the background.
        prepare: Runs in every new process before its first job. What it raises is raised by the next `run` or
            `map`: a worker that cannot start is a fault of the settings, not of a job.
        timeout_s: Seconds one job may take.
        max_uses: Jobs after which a process is replaced, which bounds what it can leak.
        stderr: As for `subprocess.Popen`.
    """

    # Invariants, under `_changed`: `_alive` holds every process not yet disposed of; each is in `_ready`, or
    # with the thread that took it from there (and then in `_working`) or that starts it. `_starting` counts the
    # starts under way, `_failed` holds the errors of those that failed. Once `_closed`, `_ready` is empty and
    # `_alive` only shrinks.

    def __init__(
        self,
        count: int,
        prepare: Callable[[], None],
        *,
        timeout_s: float,
        max_uses: int,
        stderr: int | None = None,
    ) -> None:
        self._count = count
        self._prepare = prepare
        self._timeout_s = timeout_s
        self._max_uses = max_uses
        self._stderr = stderr
        self._changed = threading.Condition()
        self._ready: deque[WarmProcess] = deque()
        self._failed: list[Exception] = []
        self._alive: set[WarmProcess] = set()
        self._working: set[WarmProcess] = set()
        self._starting = 0
        self._closed = False
        for _ in range(count):
            self._start_one()

    def run(self, fn: Callable[..., Any], *args: Any, limit_s: float = math.inf) -> Outcome:
        """Run `fn(*args)` in the next idle worker and wait for it.

        Args:
            fn: Must be picklable, as its arguments.
            *args: Of `fn`.
            limit_s: Seconds this job may take, where that is less than `timeout_s`.

        Raises:
            LiteCoOpError: After `close`.
            Exception: What `prepare` raised, where a worker could not be started.
        """
        worker = self._take()
        with self._changed:
            self._working.add(worker)
        start = time.perf_counter()
        try:
            value, failure = worker.call(_told, (fn, *args), min(limit_s, self._timeout_s)), None
        except Exception as error:  # the worker's edge: the caller turns it into the result of this job
            value, failure = None, error
        except BaseException:  # Ctrl-C: the answer still to come must not be taken for the next job's
            worker.dispose()
            raise
        finally:
            ended = time.perf_counter()
            with self._changed:
                self._working.discard(worker)
            self._give_back(worker)
        return Outcome(value, failure, ended - start, ended)

    def map(
        self,
        fn: Callable[..., Any],
        jobs: Sequence[tuple[Any, ...]],
        limit_s: float = math.inf,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> list[Outcome]:
        """`run` each job, as many at a time as there are workers; outcomes are in the order of `jobs`.

        Args:
            fn: As for `run`.
            jobs: The arguments of each.
            limit_s: As for `run`.
            meanwhile: Called once, here, while they run.
        """
        with ThreadPoolExecutor(self._count, thread_name_prefix="warm-worker-job") as threads:
            outcomes = [threads.submit(self.run, fn, *job, limit_s=limit_s) for job in jobs]
            try:
                meanwhile()
                return [outcome.result() for outcome in outcomes]
            except BaseException:  # Ctrl-C, or `meanwhile`: nobody waits for what is under way
                threads.shutdown(wait=False, cancel_futures=True)
                with self._changed:
                    working = list(self._working)
                for worker in working:
                    worker.end()
                raise

    def settle(self) -> None:
        """Wait until no worker is starting."""
        with self._changed:
            self._changed.wait_for(lambda: self._starting == 0 or self._closed)

    def close(self) -> None:
        """End every worker, busy or not, and wait until they are gone. Calling it again does nothing."""
        with self._changed:
            self._closed = True
            idle = list(self._ready)
            self._ready.clear()
            busy = [worker for worker in self._alive if worker not in idle]
            self._changed.notify_all()
        for worker in idle:
            self._dispose(worker)
        for worker in busy:
            worker.end()  # the thread that waits for it disposes of it
        with self._changed:
            # Bounded, because a finalizer may run this on the very thread it would wait for.
            self._changed.wait_for(lambda: not self._alive, timeout=GRACE_S)

    def _take(self) -> WarmProcess:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._failed or self._closed)
                if self._closed:
                    raise LiteCoOpError("these workers are closed", "make a new builder or runner")
                failed, self._failed = self._failed, []
                worker = None if failed else self._ready.popleft()
            if worker is None:
                for _ in failed:
                    self._start_one()  # the next call tries again
                raise failed[0]
            if worker.alive():
                return worker
            self._replace(worker)  # died while idle: no job shall pay for it

    def _give_back(self, worker: WarmProcess) -> None:
        if worker.uses >= self._max_uses or not worker.alive():
            self._replace(worker)
            return
        with self._changed:
            if not self._closed:
                self._ready.append(worker)
                self._changed.notify()
                return
        self._dispose(worker)

    def _replace(self, worker: WarmProcess) -> None:
        self._start_one()
        self._dispose(worker)

    def _start_one(self) -> None:
        with self._changed:
            if self._closed:
                return
            self._starting += 1
        threading.Thread(target=self._start, name="warm-worker-start", daemon=True).start()

    def _start(self) -> None:
        worker = WarmProcess(self._stderr)
        with self._changed:
            self._alive.add(worker)
        failure = None
        try:
            if not self._closed:
                worker.start(self._prepare)
        except Exception as error:  # the worker's edge: the next `run` raises it
            failure = error
        with self._changed:
            self._starting -= 1
            usable = failure is None and not self._closed
            if usable:
                self._ready.append(worker)
            elif failure is not None:
                self._failed.append(failure)
            self._changed.notify_all()
        if not usable:
            self._dispose(worker)

    def _dispose(self, worker: WarmProcess) -> None:
        worker.dispose()
        with self._changed:
            self._alive.discard(worker)
            self._changed.notify_all()


def _told(fn: Callable[..., Any], *args: Any) -> Any:
    """`fn(*args)` in a worker. TVM's worker makes an exception again of its text, and dies of one that takes more."""
    try:
        return fn(*args)
    except Exception as error:
        try:
            type(error)(str(error))
        except Exception:  # of the code that it comes from
            raise RuntimeError(last_line("".join(traceback.format_exception_only(error)))) from None
        raise
