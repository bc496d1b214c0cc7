"""What database and certificate add to a report: of this run, and without where it lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tvm_litecoop.certify import records, store
from tvm_litecoop.report.kernels import Kernel, Kernels

TARGET = {"kind": "llvm"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work dir with two records of a task, whose program TVM cannot read."""
    folder = tmp_path / "customer-x" / "work"
    folder.mkdir(parents=True)
    (folder / records.WORKLOADS).write_text('["26", "no program"]\n')
    lines = [json.dumps([0, [[], [seconds], TARGET, [["TENSOR", "float32", [8]]]]]) for seconds in (0.002, 0.001)]
    (folder / records.RECORDS).write_text("".join(f"{line}\n" for line in lines))
    return folder


def certify(work: Path, digest: str | None) -> None:
    task: dict[str, Any] = {"task": 1, "workload": "26", "target": TARGET, "unchecked": "", "records": 2}
    (work / store.FILE).write_text(json.dumps({"tasks": [{**task, "digest": digest}]}))


def kernel(work: Path) -> Kernel:
    found = Kernels(work).of(f"1a {json.dumps(TARGET)}")
    assert "customer-x" not in json.dumps(vars(found))
    return found


def test_the_name_of_the_work_dir_is_shown_and_not_where_it_lies(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernel(work).which == "record 2, the fastest as recorded; NOT verified: litecoop verify work"
    monkeypatch.chdir(work.parent.parent)
    assert kernel(Path("customer-x/work")).which.endswith("litecoop verify work")
    monkeypatch.chdir(work)
    assert kernel(Path()).which.endswith("litecoop verify work")
    (work / store.FILE).write_text("{}")
    assert kernel(work).missing.startswith("TVM cannot show the programs")
    (work / records.RECORDS).write_text("{}\n")
    assert kernel(work).missing.startswith("'work' holds no record that can be used")
    (work / records.RECORDS).unlink()
    assert kernel(work).missing == f"work/{records.RECORDS}: No such file or directory"


def test_what_is_known_of_another_target_is_not_shown(work: Path) -> None:
    certify(work, records.read(str(work)).tasks[0].records[0].digest)
    found = Kernels(work).of(f"1a {json.dumps({**TARGET, 'mcpu': 'znver4'})}")
    assert found.certificate is None and found.missing == "the database holds no record of this task that has a time"


def test_a_certificate_is_shown_where_its_record_is_there(work: Path) -> None:
    fastest = records.read(str(work)).tasks[0].records[0]
    certify(work, fastest.digest)
    found = kernel(work)
    assert found.certificate and found.which == "record 2, certified"
    certify(work, None)
    found = kernel(work)
    assert found.certificate and found.which.startswith("the untuned program")
    certify(work, "of another run")
    found = kernel(work)
    assert found.certificate is None and found.missing == "the certified record of task 1 is no longer in work"
