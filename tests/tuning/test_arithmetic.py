"""Who gets fast math: models on a CPU, by our own tools; never against what the user said or the work dir holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop import fast_math
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.tuning import arithmetic
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse

PLAIN = parse_target("")
FAST = fast_math.fast(PLAIN)


def _chosen(asked: bool | None, *requests: Request, whole_model: bool = True, target: object = PLAIN) -> bool:
    return fast_math.asked(arithmetic.chosen(asked, target, requests, whole_model=whole_model))


def _record(directory: Path, target: object) -> None:
    workload = parse("add:64x64")
    directory.mkdir(exist_ok=True)
    database = ms.database.JSONDatabase(work_dir=str(directory))
    context = ms.TuneContext(workload.mod, target=target, space_generator="post-order-apply", rand_state=1)
    (schedule, *_) = context.generate_design_space()
    entry = database.commit_workload(workload.mod)
    args = ms.arg_info.ArgInfo.from_entry_func(workload.mod, True)
    database.commit_tuning_record(ms.database.TuningRecord(schedule.trace, entry, [1e-3], target, args))


def test_models_get_it_and_kernels_where_they_ask(tmp_path: Path) -> None:
    ours = Request("x", work_dir=str(tmp_path))
    assert _chosen(None, ours) and not _chosen(False, ours)
    assert not _chosen(None, ours, whole_model=False) and _chosen(True, ours, whole_model=False)
    assert not _chosen(False, ours, target=FAST) and _chosen(None, ours, target=FAST, whole_model=False)
    assert not _chosen(None, ours, target=parse_target("nvidia/nvidia-a100"))


def test_what_tvm_times_without_it_is_compiled_without(tmp_path: Path) -> None:
    ours, theirs = Request("x", work_dir=str(tmp_path)), Request("x", strategy="evolutionary", stock=True)
    assert not fast_math.asked(arithmetic.of(theirs, FAST)) and fast_math.asked(arithmetic.of(ours, FAST))
    for one in (Request("x", strategy="evolutionary"), Request("x", stock=True)):
        assert not _chosen(None, one)
        with pytest.raises(ConfigError, match="--fast-math is for our search"):
            _chosen(True, one)
    assert _chosen(True, theirs, ours)
    with pytest.raises(ConfigError, match="the same arithmetic"):
        _chosen(True, theirs, ours, whole_model=False)


def test_a_work_dir_begun_without_it_goes_on_without(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    ours = Request("x", work_dir=str(folder))
    assert _chosen(None, ours)
    _record(folder, PLAIN)
    assert not _chosen(None, ours) and _chosen(True, ours)
    assert _chosen(None, Request("x", work_dir=str(folder), fresh=True))
    _record(folder, FAST)
    assert _chosen(None, ours)


def test_a_target_that_this_tvm_does_not_know_says_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    _record(folder, PLAIN)
    file = folder / "database_tuning_record.json"
    file.write_text(file.read_text().replace('"llvm"', '"of_the_future"').replace('\\"llvm\\"', '\\"of_the_future\\"'))
    assert "of_the_future" in file.read_text()
    assert _chosen(None, Request("x", work_dir=str(folder)))
