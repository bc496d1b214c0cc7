"""Cells on disk, what they were run with, and how long the rest takes."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from litecoop_bench import pace, process, provenance
from litecoop_bench.grid import Cell
from litecoop_bench.results import Results

ONE, TWO = Cell("add:4x4", "litecoop", 8, 1), Cell("add:4x4", "evolutionary", 8, 1)


def test_a_torn_line_costs_its_cell_alone(tmp_path: Path) -> None:
    file = tmp_path / "cells.jsonl"
    results = Results(file)
    assert results.finished() == {}
    results.add({**asdict(ONE), "best_ms": 1.0})
    with file.open("a") as torn:
        torn.write('{"workload": "add:4x4", "arm": "evol')
    results.add({**asdict(TWO), "best_ms": 2.0})
    assert {cell: row["best_ms"] for cell, row in results.finished().items()} == {ONE: 1.0, TWO: 2.0}


def test_failed_cells_are_not_finished_and_the_newest_line_counts(tmp_path: Path) -> None:
    results = Results(tmp_path / "cells.jsonl")
    results.add({**asdict(ONE), "error": "boom"})
    assert results.finished() == {}
    results.add({**asdict(ONE), "best_ms": 1.0})
    results.add({**asdict(ONE), "best_ms": 2.0})
    assert results.finished()[ONE]["best_ms"] == 2.0


def test_what_a_cell_is_run_with() -> None:
    now = provenance.now()
    assert set(now) == {*provenance.KEYS, "date"}
    assert "apache-tvm 0." in now["versions"] and now["threads"] == f"TVM_NUM_THREADS={os.environ['TVM_NUM_THREADS']}"


def test_a_machine_is_told_from_another_generation_of_the_same_name() -> None:
    said = provenance.now()["machine"]
    assert re.fullmatch(r"\d+ x .+", said) and (
        "model name" not in Path("/proc/cpuinfo").read_text() or "family" in said
    )


def test_a_file_outside_of_a_repository_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    assert provenance.commit(tmp_path / "a.py") == provenance.UNKNOWN


def test_origins_are_one_line_or_say_where_cells_differ() -> None:
    row = {"machine": "2 x CPU", "threads": "T=2", "versions": "Python 3", "commit": "abc", "date": "2026-01-02"}
    assert provenance.render([row, row]) == "2 x CPU; T=2; Python 3; commit abc; 2026-01-02"
    mixed = provenance.render([row, row, {**row, "commit": "def", "date": "2026-01-05"}, {"best_ms": 1.0}])
    assert mixed.splitlines()[0] == "2026-01-02 to 2026-01-05"
    assert (
        "**The cells come from several commits** (how many cells of each): abc (2), def (1), not recorded (1)." in mixed
    )
    assert "several machines" in mixed and "several versions**" in mixed
    here, there = {**row, "timed": row}, {**row, "timed": {**row, "commit": "def"}}
    assert provenance.render([here, here]) == provenance.render([row, row])
    said = provenance.render([here, there])
    assert "**The kernels were timed together elsewhere**, for some cells: commit def." in said


@pytest.mark.parametrize(("seconds", "words"), [(5, "about 1 min"), (600, "about 10 min"), (12030, "about 3 h 20 min")])
def test_time_in_words(seconds: float, words: str) -> None:
    assert pace.words(seconds) == words


def test_time_left_goes_by_the_cells_most_alike() -> None:
    done = {
        Cell("a", "slow", 8, 1): {"wall_s": 100.0},
        Cell("b", "slow", 8, 1): {"wall_s": 300.0},
        Cell("a", "fast", 8, 1): {"wall_s": 10.0},
    }
    assert pace.left_s([Cell("b", "slow", 8, 2)], done) == 300.0
    assert pace.left_s([Cell("c", "slow", 8, 1), Cell("b", "fast", 8, 1)], done) == 200.0 + 10.0
    assert pace.left_s([Cell("b", "other", 8, 1)], done) == 100.0
    assert pace.left_s([], done) == 0.0 and pace.left_s([ONE], {}) is None


@pytest.mark.parametrize("said", ["", "print('Bye')"])
def test_a_process_that_answers_nothing_is_an_error(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "silent.py").write_text(f"import sys; sys.stderr.buffer.write(b'\\xff'); {said}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "no answer" in process.ask("silent", {}, 120.0)["error"]


def test_a_process_that_crashes_or_takes_too_long_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def ask(code: str, limit_s: float = 120.0) -> dict[str, Any]:
        (tmp_path / "jobs.py").write_text(code)
        return process.ask("jobs", {"x": 1}, limit_s)

    assert ask("print('chatter'); print('{\"y\": 2}')") == {"y": 2}
    assert ask("import os; os.abort()")["error"].startswith("ended by signal 6")
    assert ask("raise ValueError('no good')") == {"error": "ValueError: no good"}
    assert ask("import time; time.sleep(9)", 0.5) == {"error": "stopped after 0 s"}
