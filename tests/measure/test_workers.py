"""WarmWorkers: what a builder or runner does not show."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tvm.support import popen_pool

from tvm_litecoop.measure.process import WarmProcess
from tvm_litecoop.measure.workers import WarmWorkers


@pytest.fixture
def workers() -> Iterator[WarmWorkers]:
    workers = WarmWorkers(1, nothing, timeout_s=10.0, max_uses=100)
    yield workers
    workers.close()


def nothing() -> None:
    """A worker that needs no preparation."""


def say(word: str, seconds: float) -> str:
    time.sleep(seconds)
    return word


def test_an_interrupted_job_does_not_answer_for_the_next(workers: WarmWorkers, tmp_path: Path) -> None:
    assert workers.run(say, "first", 0.0).value == "first"
    begun = tmp_path / "begun"

    def interrupt() -> None:
        while not begun.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        workers.run(mark, str(begun), str(tmp_path / "ended"))
    assert workers.run(say, "next", 0.0).value == "next"


def test_an_argument_that_cannot_be_pickled_is_the_error_of_its_job(workers: WarmWorkers) -> None:
    outcomes = workers.map(say, [("one", 0.0), (threading.Lock(), 0.0), ("two", 0.0)])
    assert [outcome.value for outcome in outcomes] == ["one", None, "two"]
    assert "pickle" in str(outcomes[1].error)


def test_a_process_that_is_ended_while_it_is_made_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    process, made, real = WarmProcess(None), [], subprocess.Popen

    def popen(*args: Any, **options: Any) -> Any:
        made.append(real(*args, **options))
        process.end()  # nobody knows of it yet
        return made[0]

    monkeypatch.setattr(popen_pool.subprocess, "Popen", popen)
    with pytest.raises(ChildProcessError):
        process.call(os.getpid, (), 60.0)
    assert made[0].wait(60) == -signal.SIGKILL and not process.alive()
    with pytest.raises(ChildProcessError):
        process.call(os.getpid, (), 60.0)
    process.dispose()


class Particular(Exception):
    """TVM's worker makes an exception again of its text alone."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{detail} ({code})")


def particular() -> None:
    raise Particular(7, "so it is")


def test_an_exception_of_several_arguments_is_told_and_is_no_crash(workers: WarmWorkers) -> None:
    error = workers.run(particular).error
    assert not isinstance(error, ChildProcessError) and "Particular: so it is (7)" in str(error)


def test_a_start_that_failed_is_reported_and_tried_again(tmp_path: Path) -> None:
    marker = str(tmp_path / "mended")

    def prepare() -> None:
        if not os.path.exists(marker):
            raise OSError("not yet")

    workers = WarmWorkers(2, prepare, timeout_s=10.0, max_uses=100)
    workers.settle()
    with pytest.raises(OSError, match="not yet"):
        workers.run(say, "one", 0.0)
    workers.settle()
    Path(marker).touch()
    with pytest.raises(OSError, match="not yet"):
        workers.run(say, "two", 0.0)
    assert workers.run(say, "three", 0.0).value == "three"
    workers.close()


def mark(begun: str, ended: str) -> None:
    Path(begun).touch()
    time.sleep(60.0)
    Path(ended).touch()


def test_nobody_waits_for_jobs_under_way_when_the_work_is_broken_off(workers: WarmWorkers, tmp_path: Path) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"

    def interrupted() -> None:
        while not begun.exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workers.map(mark, [(str(begun), str(ended))], meanwhile=interrupted)
    assert not ended.exists()  # who waits for the job sees it
    assert workers.run(say, "next", 0.0).value == "next"
