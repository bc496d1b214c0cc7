"""What a benchmark leaves: tables, figures and the page, of made-up cells."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from litecoop_bench import figures, page, report, series, shares
from litecoop_bench.grid import Grid
from litecoop_bench.retime import LIBRARY
from litecoop_bench.table import failures, render

GRID = Grid(("matmul:8x8x8", "softmax:8x8"), ("evolutionary", "litecoop", "simulated-eight"), 16, (1, 2))
SPEED = {"evolutionary": 1.0, "litecoop": 2.0, "simulated-eight": 1.5}


def cell(arm: str, workload: str, seed: int) -> dict[str, Any]:
    """One that ends with a kernel `SPEED[arm]` times as fast as the baseline's."""
    rng = random.Random(seed)
    best = 8.0 / SPEED[arm]
    curve = [[8, 2.0 + rng.random(), best * 1.5], [16, 4.0 + rng.random(), best]]
    stats = {"calls": 4, "seconds": 0.5, "usd": 0.0, "trials": 8, "hits": 2, "records": 1}
    members = {} if arm == "evolutionary" else {"expert": stats}
    if arm.startswith("simulated"):
        members["GPT (simulated)"] = {**stats, "usd": 0.01, "seconds": 3.0}
    return {
        "workload": workload,
        "arm": arm,
        "trials": 16,
        "seed": seed,
        "final_ms": best,
        "best_ms": best,
        "correct": True,
        "peak_share": 0.5 * SPEED[arm] / 2,
        "curve": curve,
        "seconds": {
            "total": 5.0,
            "build": 2.0,
            "run": 1.0 + seed / 10,
            "model": 0.5,
            "search": 1.5 - seed / 10,
            "hidden": 0.0,
        },
        "members": members,
        "commit": "abc1234",
        "date": "2026-01-02",
    }


def rows(**changes: Any) -> dict[tuple[str, str, int], dict[str, Any]]:
    found = {(w, arm, s): cell(arm, w, s) | changes for w in GRID.workloads for arm in GRID.arms for s in GRID.seeds}
    for workload in GRID.workloads:
        found[workload, LIBRARY, 0] = {"final_ms": 2.0, "correct": True, "library": "torch 2", "peak_share": 1.0}
    return found


def test_where_the_seconds_went() -> None:
    line = "| litecoop | 40% | 23% | 10% | 27% | 26.0%, 28.0% |"
    assert line in shares.render(GRID, rows()).splitlines()
    found = rows()
    for seed in GRID.seeds:
        found["matmul:8x8x8", "litecoop", seed]["seconds"]["total"] = 50.0  # with what came after the search
    assert line in shares.render(GRID, found).splitlines()


def test_trials_that_are_not_those_of_the_grid_are_told() -> None:
    assert "Trials that were made" not in report.text(GRID, rows(measured=16))
    found = rows(measured=16)
    found["softmax:8x8", "litecoop", 2]["measured"] = 3
    assert "- softmax:8x8, litecoop: 16, 3\n" in report.text(GRID, found)


def test_the_table_has_the_library_and_the_share_of_its_speed() -> None:
    lines = render(GRID, rows()).splitlines()
    assert lines[0].endswith("library: torch 2")
    assert "| matmul:8x8x8 | library | 2 | 4.000 | | | 100% | 100% | 1 of 1 |" in lines
    assert "| matmul:8x8x8 | litecoop | 4 | 2.000 | 5.0 | 1.000 | 50% | 50% | 2 of 2 |" in lines
    assert "| **all** | litecoop | | **2.000** | | **1.000** | **50%** | | |" in lines
    assert "| **all** | evolutionary | | | | | **25%** | | |" in lines


def test_without_a_library_the_table_says_why() -> None:
    found = rows()
    for workload in GRID.workloads:
        found[workload, LIBRARY, 0] = {"error": "torch is not installed"}
    shown = render(GRID, found)
    assert "library: torch is not installed" in shown and "| library |" not in shown


def test_a_library_that_computes_something_else_is_no_measure() -> None:
    found = rows()
    found["softmax:8x8", LIBRARY, 0]["correct"] = False
    lines = render(GRID, found).splitlines()
    assert any(line.startswith("| softmax:8x8 | library |") and line.endswith("| 0 of 1 |") for line in lines)
    assert "| softmax:8x8 | litecoop | 4 | 2.000 | 5.0 | 1.000 | | 50% | 2 of 2 |" in lines
    assert "| **all** | litecoop | | **2.000** | | **1.000** | **50%** (1 of 2 workloads) | | |" in lines


def test_a_mean_over_some_workloads_says_of_how_many_in_the_figure_too() -> None:
    found = rows()
    for seed in GRID.seeds:
        found["softmax:8x8", "litecoop", seed]["correct"] = False
    some = {bar.name: bar.some for bar in series.overall(GRID, found)}
    assert some == {"litecoop": " (1 of 2 workloads)", "simulated-eight": "", LIBRARY: ""}


def test_failures_are_listed_with_their_reasons() -> None:
    found = rows()
    found["softmax:8x8", "litecoop", 1] = {"error": "boom"}
    found["softmax:8x8", "litecoop", 2]["correct"] = False
    assert failures(GRID, rows()) == ""
    listed = failures(GRID, found).splitlines()[2:]
    assert sorted(listed) == [
        "- softmax:8x8, litecoop, seed 1: boom",
        "- softmax:8x8, litecoop, seed 2: its kernel is wrong",
    ]


def test_a_curve_is_the_median_and_the_range_of_the_seeds() -> None:
    grid = Grid(("w",), ("a",), 16, (1, 2, 3, 4))
    curves = {1: [[8, 1.0, 5.0], [16, 2.0, 4.0]], 2: [[8, 1.5, 3.0]], 3: [[4, 0.5, 9.0], [12, 3.0, 1.0]]}
    found = {("w", "a", s): {"curve": run, "final_ms": run[-1][2], "correct": True} for s, run in curves.items()}
    found["w", "a", 4] = {**found["w", "a", 1], "correct": False}  # is of nothing
    band = series.curve(grid, found, "w", "a", series.TRIALS)
    assert band is not None and (band.x, band.median) == ([8, 12, 16], [5.0, 3.0, 3.0])
    assert (band.low, band.high) == ([3.0, 1.0, 1.0], [9.0, 5.0, 4.0])
    band = series.curve(grid, found, "w", "a", series.SECONDS)
    assert band is not None and band.x == [1.5, 2.0, 3.0]
    assert series.curve(grid, {}, "w", "a", series.TRIALS) is None


def test_members_are_averaged_over_the_runs_of_an_arm() -> None:
    shares = {(one.arm, one.member): one for one in series.members(GRID, rows())}
    assert set(shares) == {(arm, "expert") for arm in GRID.arms[1:]} | {("simulated-eight", "GPT (simulated)")}
    assert shares["simulated-eight", "GPT (simulated)"].usd == pytest.approx(0.01)


def test_the_page_holds_tables_figures_and_the_grid_and_says_what_is_simulated(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    said = report.write("mine", GRID, rows(directory="/home/me/work"), tmp_path, 'arms = ["<b>"]')
    shown = (tmp_path / "index.html").read_text()
    names = {"trials.png", "seconds.png", "speed.png", "members.png"}
    assert {file.name for file in tmp_path.glob("*.png")} == names and shown.count("data:image/png;base64,") == 4
    assert "<b>Simulated:</b>" in shown and "&lt;b&gt;" in shown and "abc1234" in shown and "http" not in shown
    assert "index.html" in said and report.NO_FIGURES not in said
    lines = [json.loads(line) for line in (tmp_path / "final.jsonl").read_text().splitlines()]
    assert len(lines) == len(rows()) and {line["final_ms"] for line in lines} >= {8.0, 4.0}
    assert "/home/me" not in "".join(file.read_text() for file in (tmp_path / "final.jsonl", tmp_path / "index.html"))


def test_without_matplotlib_the_tables_are_there_and_one_line_says_how_to_get_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "available", lambda: False)
    assert report.write("mine", GRID, rows(), tmp_path, "").splitlines()[-1].endswith(report.NO_FIGURES)
    assert "<table>" in (tmp_path / "index.html").read_text() and not list(tmp_path.glob("*.png"))


def test_nothing_finished_is_no_figure_and_no_fault(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    failed = {key: {"error": "boom"} for key in rows() if key[1] != LIBRARY}
    assert figures.draw(GRID, failed, tmp_path) == {}
    assert "boom" in report.text(GRID, failed)


def test_only_what_is_simulated_is_called_so() -> None:
    real = Grid(GRID.workloads, GRID.arms[:2], 16, (1, 2))
    assert "imulated" not in report.text(real, {key: row for key, row in rows().items() if key[1] != GRID.arms[2]})


def test_markdown_of_the_tables_as_html() -> None:
    shown = page.render("n", "one **two** `three`\n\n- a\n- b < c\n\n| x | y |\n| --- | --- |\n| 1 | |\n", {}, "")
    assert "<p>one <b>two</b> <code>three</code></p>" in shown
    assert "<ul><li>a</li><li>b &lt; c</li></ul>" in shown
    assert "<table><tr><th>x</th><th>y</th></tr><tr><td>1</td><td></td></tr></table>" in shown
