"""A whole benchmark: cells in order, finished ones skipped, kernels timed together at the end, the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from litecoop_bench import cell as cells
from litecoop_bench import pace, provenance, report, retime
from litecoop_bench.grid import Cell, load
from litecoop_bench.results import Results
from litecoop_bench.table import good
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.lock import Lock

Say = Callable[[str], None]


def run(grid_file: Path, folder: Path, say: Say, instead: Mapping[str, Any] | None = None) -> int:
    """Run a grid.

    Args:
        grid_file: The grid.
        folder: Where databases, `cells.jsonl` and the report go; a rerun goes on there.
        say: Shows one line of progress.
        instead: What takes the place of keys of the grid.

    Returns:
        0, or 1 where a cell failed or a kernel was wrong.

    Raises:
        ConfigError: The grid cannot be used.
        WorkloadError: It has a workload that is none.
        WorkDirError: The folder cannot be written, or another process works there.
        KeyboardInterrupt: Ctrl-C; the finished cells are kept.
    """
    from tvm_litecoop.workloads import parse  # imports TVM, whose threads the command has set by now

    grid = load(grid_file, instead)
    programs = {workload: _program(parse(workload)) for workload in grid.workloads}  # now rather than hours later
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder)
    except OSError as error:
        raise WorkDirError(f"{folder} cannot be written: {error.strerror}", "choose another one with --out") from None
    with lock:
        done = _cells(grid.cells(), programs, Results(folder / "cells.jsonl"), folder, say)
        finished = [cell for cell, row in done.items() if "error" not in row]
        say(f"timing the kernels of {len(finished)} cells together")
        timed = provenance.now()
        for cell, found in retime.retime(finished, folder).items():
            done[cell] = {**done.get(cell, {"workload": cell.workload, "arm": cell.arm}), **found, "timed": timed}
        rows = {(cell.workload, cell.arm, cell.seed): row for cell, row in done.items()}
        changed = [f"# in place of that: {key} = {value}\n" for key, value in (instead or {}).items()]
        say(report.write(grid_file.stem, grid, rows, folder, "".join([grid_file.read_text(), *changed])))
    return int(not all(good(done[cell]) for cell in grid.cells()))


def _program(workload: Any) -> str:
    """TVM's structural hash of a workload: a user's file may change between two runs of a grid."""
    import tvm_ffi

    return str(tvm_ffi.structural_hash(workload.mod))


def _cells(
    wanted: list[Cell], programs: Mapping[str, str], results: Results, folder: Path, say: Say
) -> dict[Cell, dict[str, Any]]:
    """Run those that are not finished, or were with another program, or have lost their database; a line each."""
    done = {
        cell: row
        for cell, row in results.finished().items()
        if cell in wanted
        and row.get("program", programs[cell.workload]) == programs[cell.workload]
        and (folder / cell.name).is_dir()
    }
    if done:
        say(f"{len(done)} of {len(wanted)} cells are finished already")
    waiting = [cell for cell in wanted if cell not in done]
    for number, cell in enumerate(waiting, 1):
        try:
            done[cell] = {**cells.run(cell, folder), "program": programs[cell.workload]}
        except KeyboardInterrupt:
            say(f"stopped; {len(done)} cells are kept in {folder}, the same command goes on")
            raise
        results.add(done[cell])
        left = pace.left_s(waiting[number:], done)
        rest = f"; {pace.words(left)} left" if left else ""
        say(f"[{number}/{len(waiting)}] {cell.workload} {cell.arm} seed {cell.seed}: {_short(done[cell])}{rest}")
    return {cell: done[cell] for cell in wanted}


def _short(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"FAILED: {row['error']}"
    return f"{row['best_ms']:.4g} ms in {row['seconds']['total']:.1f} s"
