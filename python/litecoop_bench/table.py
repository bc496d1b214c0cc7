"""The result of a benchmark as text: one row per workload and arm, ratios to the baseline with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litecoop_bench.grid import Grid, Rows
from litecoop_bench.retime import LIBRARY
from tvm_litecoop.intervals import geometric_mean, interval

HEAD = ("workload", "arm", "best ms", "speed", "tuning s", "time", "of library", "of peak", "correct")


def render(grid: Grid, rows: Rows) -> str:
    """A Markdown table. Speed is baseline latency / latency, time is baseline seconds / seconds: above 1 is better.

    `of library` is the share of the library's speed, `of peak` that of the machine's arithmetic.

    Args:
        grid: The benchmark; its first arm is the baseline.
        rows: (workload, arm, seed) -> outcome with `final_ms`, `peak_share`, `correct` and `seconds`; the library's are
            those of the arm `LIBRARY` and seed 0.
    """
    lines = [
        f"{grid.trials} trials, seeds {', '.join(map(str, grid.seeds))}; ratios to `{grid.arms[0]}`, geometric mean "
        f"[bootstrap over the seeds]; library: {_libraries(grid, rows)}",
        "",
        f"| {' | '.join(HEAD)} |",
        "| --- " * len(HEAD) + "|",
    ]
    for workload in grid.workloads:
        lines += [_row(grid, rows, workload, arm) for arm in grid.arms]
        lines += _library(grid, rows, workload)
    lines += [_summary(grid, rows, arm) for arm in grid.arms]
    return "\n".join(lines)


def failures(grid: Grid, rows: Rows) -> str:
    """What went wrong, as a Markdown list; empty where nothing did."""
    lines = []
    for (workload, arm, seed), row in rows.items():
        if arm in grid.arms and not good(row):
            lines.append(f"- {workload}, {arm}, seed {seed}: {row.get('error', 'its kernel is wrong')}")
    return "\n".join(["Failed or wrong, and left out of the ratios:", "", *lines]) if lines else ""


def counts(grid: Grid, rows: Rows) -> str:
    """The cells in which more or fewer trials were made than the grid's, as a Markdown list; empty where none is."""
    lines = []
    for workload in grid.workloads:
        for arm in grid.arms:
            made = [row.get("measured", grid.trials) for row in _cells(rows, workload, arm, grid.seeds)]
            if set(made) - {grid.trials}:
                lines.append(f"- {workload}, {arm}: {', '.join(map(str, made))}")
    return "\n".join([f"Trials that were made, where they are not {grid.trials}:", "", *lines]) if lines else ""


def good(row: Mapping[str, Any]) -> bool:
    """Whether a cell ended with a right kernel that was timed."""
    return bool(row.get("final_ms")) and "error" not in row and bool(row.get("correct"))


def ratios(grid: Grid, rows: Rows, workload: str, arm: str, key: str) -> list[float]:
    """Baseline / arm, for each seed where both are good.

    Args:
        grid: The benchmark.
        rows: As of `render`.
        workload: One of the grid.
        arm: One of the grid.
        key: `speed` or `time`; or `of library`, where the library is the baseline.
    """
    found = []
    for seed in grid.seeds:
        base = rows.get((workload, LIBRARY, 0) if key == "of library" else (workload, grid.arms[0], seed), {})
        mine = rows.get((workload, arm, seed), {})
        if good(base) and good(mine):
            found.append(_measure(base, key) / _measure(mine, key))
    return found


def _row(grid: Grid, rows: Rows, workload: str, arm: str) -> str:
    mine = _cells(rows, workload, arm, grid.seeds)
    count = f"{len(mine)} of {len(grid.seeds)}"
    if not mine:
        return _line(workload, arm, "failed", "", "", "", "", "", count)
    best = geometric_mean([row["final_ms"] for row in mine])
    seconds = geometric_mean([row["seconds"]["total"] for row in mine])
    speed, time = (_shown(ratios(grid, rows, workload, arm, key)) for key in ("speed", "time"))
    share = _shown(ratios(grid, rows, workload, arm, "of library"), ".0%")
    return _line(workload, arm, f"{best:.4g}", speed, f"{seconds:.1f}", time, share, _peak(mine), count)


def _library(grid: Grid, rows: Rows, workload: str) -> list[str]:
    row = rows.get((workload, LIBRARY, 0), {})
    if not row.get("final_ms"):
        return []
    if not good(row):
        return [_line(workload, LIBRARY, f"{row['final_ms']:.4g}", "", "", "", "", "", "0 of 1")]
    seen = [base["final_ms"] / row["final_ms"] for base in _cells(rows, workload, grid.arms[0], grid.seeds)]
    return [_line(workload, LIBRARY, f"{row['final_ms']:.4g}", _shown(seen), "", "", "100%", _peak([row]), "1 of 1")]


def _summary(grid: Grid, rows: Rows, arm: str) -> str:
    def over(key: str, form: str = ".3f") -> str:
        every = [ratios(grid, rows, workload, arm, key) for workload in grid.workloads]
        return f"**{interval(list(filter(None, every))):{form}}**{of_how_many(every)}" if any(every) else ""

    speed, time = ("", "") if arm == grid.arms[0] else (over("speed"), over("time"))
    return _line("**all**", arm, "", speed, "", time, over("of library", ".0%"), "", "")


def of_how_many(workloads: Sequence[object]) -> str:
    """Says of how many workloads a mean is, where some have nothing that counts."""
    return f" ({sum(map(bool, workloads))} of {len(workloads)} workloads)" if not all(workloads) else ""


def _libraries(grid: Grid, rows: Rows) -> str:
    """Which library, or why there is none."""
    seen = [rows.get((workload, LIBRARY, 0), {}) for workload in grid.workloads]
    names = dict.fromkeys(str(row.get("library") or row.get("error") or "not timed") for row in seen)
    return ", ".join(names)


def _line(*words: str) -> str:
    return "".join(f"| {word} " if word else "| " for word in words) + "|"


def _shown(seen: Sequence[float], form: str = ".3f") -> str:
    """Of one workload, over the seeds."""
    return f"{interval([seen]):{form}}" if seen else ""


def _peak(cells: Sequence[Mapping[str, Any]]) -> str:
    shares = [row["peak_share"] for row in cells if row.get("peak_share")]
    return f"{geometric_mean(shares):.0%}" if shares else ""


def _cells(rows: Rows, workload: str, arm: str, seeds: Sequence[int]) -> list[Mapping[str, Any]]:
    return [row for seed in seeds if good(row := rows.get((workload, arm, seed), {}))]


def _measure(row: Mapping[str, Any], key: str) -> float:
    return float(row["seconds"]["total"] if key == "time" else row["final_ms"])
