"""One warm worker process: TVM's `PopenWorker`, tied to its parent's life, with a second deadline."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tvm.support.popen_pool import PopenWorker, kill_child_processes

START_TIMEOUT_S = 300.0
"""Seconds a worker may take to start and prepare: it imports TVM, maybe beside many others."""

GRACE_S = 5.0
"""Seconds after a job's time-out until the parent stops waiting for the worker to report it."""


class WarmProcess:
    """A process that runs one pickled function at a time.

    Attributes:
        uses: Jobs it was given since it was prepared.
    """

    def __init__(self, stderr: int | None) -> None:
        self.uses = 0
        self._ended = False
        self._popen: Any = PopenWorker(stderr=stderr)

    def start(self, prepare: Callable[[], None]) -> None:
        """Start the process and run `prepare` there; for a thread of its own, since it blocks Ctrl-C in it.

        Raises:
            Exception: What `prepare` raised, or that the process died or hung.
        """
        # A terminal sends Ctrl-C to every process of the command. It is the parent's to handle, from the first moment
        # of the child on: a blocked signal is inherited.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        paths = list(sys.path)

        def adopt_path() -> None:  # a local function: pickled by value, so it needs no import there
            sys.path[:] = paths

        self.call(adopt_path, (), START_TIMEOUT_S)
        self.call(_serve, (prepare,), START_TIMEOUT_S)
        self.uses = 0

    def call(self, fn: Callable[..., Any], args: tuple[Any, ...], timeout_s: float) -> Any:
        """Run `fn(*args)` there.

        Raises:
            TimeoutError: It took more than `timeout_s`; the process is gone.
            ChildProcessError: The process died.
            Exception: What `fn` raised.
        """
        if self._ended:
            raise ChildProcessError("the process was ended")
        self.uses += 1
        # The worker keeps its own time, on a thread. That thread never runs where the interpreter lock is
        # held or the process is stopped, so the parent keeps time as well.
        deadline = time.monotonic() + timeout_s + GRACE_S
        watchdog = threading.Timer(timeout_s + GRACE_S, self.end)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._popen.send(fn, args, None, timeout_s)
            if self._ended:  # while the process was being made, which nobody could kill yet
                self.end()
            return self._popen.recv()
        except ChildProcessError:
            if time.monotonic() >= deadline:
                raise TimeoutError from None
            raise
        finally:
            watchdog.cancel()

    def alive(self) -> bool:
        """Whether the process runs."""
        return not self._ended and bool(self._popen.is_alive())

    def end(self) -> None:
        """Kill the process, from any thread: a thread that waits for it then reads the end of the pipe.

        One that is just being made is killed as soon as there is one. Nothing can be called afterwards.

        `PopenWorker.kill` is not fit for that: it closes the pipe first, which waits for its reader.
        """
        self._ended = True
        process = self._popen._proc
        if process is not None:
            kill_child_processes(process.pid)
            process.kill()

    def dispose(self) -> None:
        """Kill the process, collect it and close its pipes; for the thread that owns the worker."""
        self._popen.kill()


def _serve(prepare: Callable[[], None]) -> None:
    """What every worker does first: tie its life to the parent's, then `prepare`."""
    threading.Thread(target=_exit_with_parent, name="exit-with-parent", daemon=True).start()
    prepare()


def _exit_with_parent() -> None:
    # TVM's worker notices the end of its parent when it reads its next job. In the middle of an endless job
    # that is never, so this thread sleeps until the other end of the job pipe (argv[1] of
    # tvm.exec.popen_worker) closes.
    pipe = select.poll()
    pipe.register(int(sys.argv[1]), 0)
    pipe.poll()
    os._exit(1)
