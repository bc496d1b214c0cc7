"""Tables of benchmarks that ran earlier, of what they left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_report import GRID, rows

from litecoop_bench import archive, report
from litecoop_bench.grid import Grid
from litecoop_bench.retime import LIBRARY
from tvm_litecoop.errors import ConfigError


def left(folder: Path, seeds: tuple[int, ...], **changes: Any) -> Path:
    """What a benchmark with these seeds leaves."""
    folder.mkdir()
    found = {key: row for key, row in rows(**changes).items() if key[1] == LIBRARY or key[2] in seeds}
    named = {key: {"workload": key[0], "arm": key[1], **row} for key, row in found.items()}
    report.write("mine", Grid(GRID.workloads, GRID.arms, 16, seeds), named, folder, "")
    return folder / "final.jsonl"


def test_one_file_gives_the_tables_that_the_benchmark_printed(tmp_path: Path) -> None:
    file = left(tmp_path / "both", (1, 2))
    assert report.text(*archive.merged([file])) == (tmp_path / "both" / "table.md").read_text()


def test_seeds_of_two_runs_become_one_table_without_the_library(tmp_path: Path) -> None:
    files = [left(tmp_path / "one", (1,), commit="abc"), left(tmp_path / "two", (2,), commit="def")]
    grid, merged = archive.merged(files)
    assert grid == GRID and not any(arm == LIBRARY for _, arm, _ in merged)
    shown = report.text(grid, merged)
    assert "several commits" in shown and "| matmul:8x8x8 | litecoop | 4 | 2.000 |" in shown and "2 of 2" in shown


@pytest.mark.parametrize(("changes", "seed"), [({}, 1), ({"trials": 8}, 2)])
def test_what_does_not_go_together_is_refused(tmp_path: Path, changes: dict[str, Any], seed: int) -> None:
    one, two = left(tmp_path / "one", (1,)), left(tmp_path / "two", (seed,), **changes)
    with pytest.raises(ConfigError, match="earlier file" if seed == 1 else "8, 16 trials"):
        archive.merged([one, two])


def test_arms_of_one_seed_from_two_files_are_refused(tmp_path: Path) -> None:
    files = [left(tmp_path / name, (1,)) for name in ("one", "two")]
    for file, arm in zip(files, GRID.arms[:2], strict=True):
        file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if f'"{arm}"' in line))
    with pytest.raises(ConfigError, match="earlier file"):
        archive.merged(files)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.jsonl").write_text('{"workload": ')
    for name in ("absent.jsonl", "torn.jsonl"):
        with pytest.raises(ConfigError, match=name):
            archive.merged([tmp_path / name])
