"""TVM's DropletSearch after a search, with a builder whose workers are warm: TVM's own takes half a minute to start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tvm.s_tir import meta_schedule as ms

from litecoop_bench import droplet
from litecoop_bench.grid import Cell
from tvm_litecoop.measure import WarmBuilder, export_shared
from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.tuning import session
from tvm_litecoop.tuning.outcome import Outcome
from tvm_litecoop.tuning.progress import Silent
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time limits that DropletSearch's builders are made with."""
    asked: list[float] = []
    warm = WarmBuilder(f_export=export_shared)

    def builder(timeout_sec: float) -> WarmBuilder:
        asked.append(timeout_sec)
        return warm

    monkeypatch.setattr(ms.builder, "LocalBuilder", builder)
    yield asked
    warm.close()


def search(folder: Path) -> Outcome:
    """Of three trials."""
    load_tensor_intrinsics()
    cell = Cell("matmul:16x16x16", "evolutionary-warm", 3, 1)
    return session.run(cell.request(folder), parse(cell.workload), parse_target(""), Silent())


def test_it_goes_on_from_the_best_record_and_its_seconds_and_trials_are_charged(
    tmp_path: Path, limits: list[float]
) -> None:
    before = search(tmp_path)
    after = droplet.improve(before, parse_target(""))
    assert set(limits) == {droplet.BUILD_LIMIT_S}
    made = after.trials - before.trials
    assert 0 < made <= before.trials and after.failed - before.failed < made
    assert after.curve[: len(before.curve)] == before.curve and after.curve[-1][0] == after.trials
    assert after.best_s is not None and before.best_s is not None and after.best_s <= before.best_s
    assert before.seconds["total"] < after.curve[-1][1] <= after.seconds["total"]
    left = {file.name for file in Path(before.directory).iterdir()}
    assert "droplet.log" not in left
    assert len((Path(before.directory) / "database_tuning_record.json").read_text().splitlines()) == 4
