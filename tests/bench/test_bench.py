"""The benchmark: grids, intervals, tables, and cells that fail, finish and are skipped on a rerun."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from litecoop_bench import cell as cells
from litecoop_bench import money, process, provenance, ranking, reach, retime, run
from litecoop_bench.arms import ARMS
from litecoop_bench.grid import Cell, Grid, load
from litecoop_bench.results import Results
from litecoop_bench.table import render
from tvm_litecoop.cli import main
from tvm_litecoop.errors import ConfigError, WorkDirError, WorkloadError
from tvm_litecoop.intervals import geometric_mean, interval
from tvm_litecoop.workloads import parse

GRIDS = Path(run.__file__).parent / "grids"


def test_geometric_mean() -> None:
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)


def test_interval_holds_the_mean_and_widens_with_the_spread() -> None:
    narrow, wide = interval([[1.9, 2.0, 2.1]]), interval([[1.0, 2.0, 4.0]])
    assert narrow.low <= narrow.mean <= narrow.high
    assert wide.high - wide.low > narrow.high - narrow.low
    same = interval([[2.0, 2.0], [0.5, 0.5]])
    assert (same.low, same.mean, same.high) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("file", sorted(GRIDS.glob("*.toml")), ids=lambda file: file.stem)
def test_shipped_grids_load_and_interleave_their_arms(file: Path) -> None:
    grid = load(file)
    arms = [cell.arm for cell in grid.cells()]
    assert arms[: len(grid.arms)] == list(grid.arms)
    assert len({cell.name for cell in grid.cells()}) == len(grid.cells())
    assert all(parse(workload).flops for workload in grid.workloads)


GRID = {"workloads": '["add:4x4"]', "arms": '["litecoop"]', "trials": "1", "seeds": "[1]"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trials": '"many"'}, "trials is 'many', not a number from 1"),
        ({"trials": "0"}, "trials is 0, not"),
        ({"trials": "true"}, "trials is True, not"),
        ({"arms": "3"}, "arms is 3, not a list of names"),
        ({"arms": "[]"}, r"arms is \[\], not"),
        ({"arms": '"litecoop"'}, "arms is 'litecoop', not"),
        ({"arms": '["nobody"]'}, "unknown arm 'nobody'"),
        ({"workloads": "[]"}, r"workloads is \[\], not a list of names"),
        ({"seeds": "1"}, "seeds is 1, not a list of whole numbers"),
        ({"seeds": "[1, 1]"}, r"seeds is \[1, 1\], not a list of numbers from 1 to 2147483647 that are all different"),
        ({"seeds": "[0]"}, r"seeds is \[0\], not a list of numbers from 1"),
        ({"seed": "[7]"}, "seed is unknown"),
        ({"seeds": "[1.5]"}, r"seeds is \[1.5\], not"),
        ({"seeds": "="}, "Invalid value"),
    ],
)
def test_a_grid_that_cannot_be_used_is_one_line(tmp_path: Path, changes: dict[str, str], why: str) -> None:
    file = tmp_path / "g.toml"
    file.write_text("".join(f"{key} = {value}\n" for key, value in {**GRID, **changes}.items()))
    with pytest.raises(ConfigError, match=why) as raised:
        load(file)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_grid_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "g.toml"
    file.write_bytes(b"\x7fELF\xff\xfe")
    assert main(["bench", str(file), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"litecoop: {file}: ") and said.count("\n") == 1
    file.write_text("trials = 1\n")
    with pytest.raises(ConfigError, match="workloads is missing"):
        load(file)
    assert not (tmp_path / "out").exists()


def test_the_smoke_grid_has_every_arm() -> None:
    assert set(load(GRIDS / "smoke.toml").arms) == set(ARMS)


def row(final_ms: float, seconds: float, correct: bool = True) -> dict[str, Any]:
    return {"final_ms": final_ms, "seconds": {"total": seconds}, "correct": correct}


def test_the_table_shows_ratios_failures_and_wrong_kernels() -> None:
    grid = Grid(("a", "b"), ("base", "mine"), 8, (1, 2))
    rows = {("a", "base", s): row(2.0, 30.0) for s in (1, 2)} | {("a", "mine", s): row(1.0, 10.0) for s in (1, 2)}
    rows[("b", "base", 1)] = row(4.0, 20.0)
    rows[("b", "mine", 1)] = row(2.0, 10.0, correct=False)
    rows[("b", "mine", 2)] = {"error": "boom"}
    lines = render(grid, rows).splitlines()
    assert any(line.startswith("| a | mine | 1 | 2.000 ") and "3.000" in line for line in lines)
    assert any(line.startswith("| b | mine | failed |") and line.endswith("| 0 of 2 |") for line in lines)
    assert lines[-1].startswith("| **all** | mine | | **2.000** (1 of 2 workloads) |")


def test_finished_cells_are_skipped_and_failed_ones_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid_file = tmp_path / "g.toml"
    grid_file.write_text('workloads = ["add:4x4"]\narms = ["replay-trace", "litecoop"]\ntrials = 1\nseeds = [1]\n')
    asked: list[Cell] = []

    def fake(cell: Cell, folder: Path) -> dict[str, Any]:
        asked.append(cell)
        (folder / cell.name).mkdir(parents=True, exist_ok=True)
        base = {"workload": cell.workload, "arm": cell.arm, "trials": cell.trials, "seed": cell.seed}
        if len(asked) == 2:
            return {**base, "error": "boom"}
        return {**base, "best_ms": 1.0, "seconds": {"total": 1.0}}

    monkeypatch.setattr(cells, "run", fake)
    monkeypatch.setattr(
        retime, "retime", lambda wanted, folder: {c: {"correct": True, "final_ms": 1.0} for c in wanted}
    )
    said: list[str] = []
    assert run.run(grid_file, tmp_path / "out", said.append) == 1
    assert any("FAILED: boom" in line for line in said)
    assert run.run(grid_file, tmp_path / "out", said.append) == 0
    assert [cell.arm for cell in asked] == ["replay-trace", "litecoop", "litecoop"]
    assert len((tmp_path / "out" / "cells.jsonl").read_text().splitlines()) == 3
    assert "| add:4x4 | litecoop |" in (tmp_path / "out" / "table.md").read_text()
    assert run.run(grid_file, tmp_path / "out", said.append, {"arms": ["litecoop"], "seeds": [1, 2]}) == 0
    assert [(cell.arm, cell.seed) for cell in asked[3:]] == [("litecoop", 2)]
    assert "replay-trace |" not in (tmp_path / "out" / "table.md").read_text()
    assert "in place of that: seeds = [1, 2]" in (tmp_path / "out" / "index.html").read_text()


def test_a_cell_is_not_finished_where_its_program_has_changed_or_its_database_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels, grid_file, asked = tmp_path / "k.py", tmp_path / "g.toml", list[Cell]()
    grid_file.write_text(f'workloads = ["{kernels}:f"]\narms = ["litecoop"]\ntrials = 1\nseeds = [1]\n')

    def program(extent: int) -> None:
        kernels.write_text(
            f"from tvm import te\nx = te.placeholder(({extent},))\n"
            f"f = te.create_prim_func([x, te.compute(({extent},), lambda i: x[i] + 1.0)])\n"
        )

    def fake(cell: Cell, folder: Path) -> dict[str, Any]:
        asked.append(cell)
        (folder / cell.name).mkdir(parents=True, exist_ok=True)
        return {**asdict(cell), "best_ms": 1.0, "seconds": {"total": 1.0}}

    monkeypatch.setattr(cells, "run", fake)
    monkeypatch.setattr(
        retime, "retime", lambda wanted, folder: {c: {"correct": True, "final_ms": 1.0} for c in wanted}
    )
    asked_by = []
    for extent in (8, 8, 16):
        program(extent)
        run.run(grid_file, tmp_path / "out", lambda _: None)
        asked_by.append(len(asked))
    (tmp_path / "out" / asked[0].name).rmdir()
    run.run(grid_file, tmp_path / "out", lambda _: None)
    assert [*asked_by, len(asked)] == [1, 1, 2, 3]


def test_a_workload_that_is_none_is_said_before_the_first_cell(tmp_path: Path) -> None:
    grid_file = tmp_path / "g.toml"
    grid_file.write_text('workloads = ["add:4x4", "conv2d:9"]\narms = ["litecoop"]\ntrials = 1\nseeds = [1]\n')
    with pytest.raises(WorkloadError, match="conv2d"):
        run.run(grid_file, tmp_path / "out", print)
    assert not (tmp_path / "out").exists()


def test_a_ranking_is_judged_by_its_order() -> None:
    seconds = np.linspace(1.0, 2.0, 100)
    right, wrong = ranking.judged(seconds, -np.log2(seconds)), ranking.judged(seconds, np.log2(seconds))
    assert right == pytest.approx((1.0, 0.195, 1.045), abs=0.001)
    assert wrong[0] == pytest.approx(-1.0) and wrong[1] > 0.7 and wrong[2] > 1.9


def test_a_real_cell_in_its_own_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = Cell("matmul:32x32x32", "litecoop", 4, 1)
    outcome = cells.run(cell, tmp_path)
    assert "error" not in outcome, outcome
    assert outcome["trials"] == 4 and outcome["best_ms"] > 0 and outcome["wall_s"] > outcome["seconds"]["total"]
    assert json.dumps(outcome) and set(provenance.KEYS) <= set(outcome)
    mine = retime.retime([cell], tmp_path)[cell]
    assert mine["correct"] and mine["final_ms"] > 0 and 0 < mine["peak_share"] < 2
    assert len(mine["final_each_ms"]) == retime.PROCESSES
    Results(tmp_path / "cells.jsonl").add(outcome)
    monkeypatch.setattr("sys.argv", ["ranking", str(tmp_path)])
    ranking.main()
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:2]] == [["matmul:32x32x32", "4"]]


def test_processes_that_time_the_same_kernel_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(ms: float, correct: bool) -> dict[str, Any]:
        return {"cells": [{"correct": correct, "final_ms": ms, "peak_share": None}], "library": {"error": "none"}}

    cell = Cell("a", "litecoop", 4, 1)
    answers = [timed(1.0, True), timed(2.0, False), timed(4.0, True)]
    monkeypatch.setattr(process, "ask", lambda *_: answers.pop(0))
    found = retime.retime([cell], Path())
    assert found[cell]["final_ms"] == pytest.approx(2.0) and not found[cell]["correct"]
    assert found[cell]["final_each_ms"] == [1.0, 2.0, 4.0] and found[cell]["peak_share"] is None
    assert found[Cell("a", retime.LIBRARY, 0, 0)] == {"error": "none"}
    answers = [timed(1.0, True), {"error": "crashed"}, timed(4.0, True)]
    assert retime.retime([cell], Path())[cell] == {"error": "timing at the end: crashed"} and len(answers) == 1


def test_ctrl_c_keeps_finished_cells_and_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid_file = tmp_path / "g.toml"
    grid_file.write_text('workloads = ["add:4x4"]\narms = ["replay-trace", "litecoop"]\ntrials = 1\nseeds = [1]\n')

    def fake(cell: Cell, folder: Path) -> dict[str, Any]:
        if cell.arm == "litecoop":
            raise KeyboardInterrupt
        return {**asdict(cell), "best_ms": 1.0, "seconds": {"total": 1.0}}

    monkeypatch.setattr(cells, "run", fake)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run.run(grid_file, tmp_path / "out", said.append)
    assert said[-1].startswith("stopped; 1 cells are kept")
    assert len((tmp_path / "out" / "cells.jsonl").read_text().splitlines()) == 1


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkDirError, match=r"cannot be written.*--out"):
        run.run(GRIDS / "smoke.toml", tmp_path / "file" / "out", print)


def test_a_cell_that_was_stopped_or_has_no_kernel_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells.process, "ask", lambda *_: {"trials": 3, "interrupted": True})
    assert cells.run(Cell("add:4x4", "litecoop", 8, 1), tmp_path)["error"] == "stopped by a signal"
    nothing = {"best_ms": None, "first_failure": "Timeout", "trials": 8}
    monkeypatch.setattr(cells.process, "ask", lambda *_: nothing)
    assert cells.run(Cell("add:4x4", "litecoop", 8, 1), tmp_path)["error"] == "no candidate ran: Timeout"


def test_a_cell_that_cannot_run_is_reported(tmp_path: Path) -> None:
    outcome = cells.run(Cell("nothing:1", "litecoop", 4, 1), tmp_path)
    assert "unknown workload 'nothing'" in outcome["error"]


def test_the_money_of_arms_that_paid() -> None:
    def paying(usd: float, calls: int, hidden: float) -> dict[str, Any]:
        large = {"usd": usd, "calls": calls, "seconds": 4.0}
        small = {"usd": 0.0, "calls": 10 - calls, "seconds": 1.0}
        good = {"final_ms": 1.0, "correct": True}
        return {"members": {"large": large, "small": small}, "seconds": {"hidden": hidden}, **good}

    grid = Grid(("a",), ("largest", "eight", "free"), 8, (1, 2))
    rows = {("a", "largest", s): paying(1.0, 10, 0.0) for s in (1, 2)}
    rows |= {("a", "eight", s): paying(0.2, 2, 2.5) for s in (1, 2)} | {("a", "free", 1): paying(0.0, 0, 0.0)}
    rows[("a", "eight", 3)] = {**paying(0.1, 2, 2.5), "correct": False}  # a wrong kernel saves nothing
    lines = money.render(grid, rows).splitlines()
    assert lines[-1] == "| eight | 0.2000 | 5.0x | 10.0 | 20% | 5.0 | 50% |"
    assert len(lines) == 4 and money.render(Grid(("a",), ("free",), 8, (1,)), rows) == ""


def test_when_the_baselines_best_is_reached() -> None:
    grid = Grid(("a", "b"), ("base", "mine"), 64, (1,))

    def ran(total: float, *curve: tuple[int, float, float]) -> dict[str, Any]:
        return {"curve": curve, "final_ms": curve[-1][2], "seconds": {"total": total}, "correct": True}

    base = ran(50.0, (16, 10.0, 3.8), (48, 40.0, 2.0), (64, 50.0, 2.0))
    fast = ran(6.0, (8, 2.0, 3.0), (16, 4.0, 1.9), (24, 6.0, 1.5))
    never = ran(10.0, (8, 2.0, 3.0), (64, 10.0, 2.1))
    lines = reach.render(grid, {("a", "base", 1): base, ("a", "mine", 1): fast}).splitlines()
    assert lines[4] == "| a | base | 48 | 1.000 | 1.000 |  |"
    assert lines[6] == "| a | mine | 16 | 10.000 | 2.000 |  |"
    rows = {("a", "base", 1): base, ("a", "mine", 1): fast, ("b", "base", 1): base, ("b", "mine", 1): never}
    lines = reach.render(grid, rows).splitlines()
    assert lines[8] == "| b | mine | 64 | 4.000 | 1.267 | 1 of 1 |"
    assert lines[9].startswith("| **all** | mine | 32 | 6.325") and lines[9].endswith("| 1 of 2 |")
    # One that knows no more programs after four is no faster for that:
    quits = ran(2.0, (4, 1.0, 3.0))
    lines = reach.render(grid, {("a", "base", 1): base, ("a", "mine", 1): quits}).splitlines()
    assert lines[6] == "| a | mine | 64 | 1.250 | 1.267 | 1 of 1 |"
    # A runner whose clock is twice as slow, in which the same kernel is half as fast:
    slow = {**fast, "curve": [(trials, seconds, 2 * best) for trials, seconds, best in fast["curve"]]}
    lines = reach.render(grid, {("a", "base", 1): base, ("a", "mine", 1): slow}).splitlines()
    assert lines[6] == "| a | mine | 16 | 10.000 | 2.000 |  |"
    assert reach.render(grid, {}) == ""
    assert reach.render(grid, {("a", "base", 1): {**base, "correct": False}, ("a", "mine", 1): fast}) == ""
