"""`litecoop verify` on what TVM's own search has written, with records planted that it must not fall for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plants import (
    announced,
    copied,
    crashing,
    doubled,
    in_halves,
    lines,
    matmul,
    normalized,
    plant,
    rewrite,
    slow,
    summed_again,
    unrolled,
)
from tvm.s_tir.meta_schedule.database import JSONDatabase

from tvm_litecoop.certify import examiner, numbered, records, store, table
from tvm_litecoop.certify.certificate import CERTIFIED, TaskCertificate, Verdict
from tvm_litecoop.certify.verify import certify
from tvm_litecoop.cli import main
from tvm_litecoop.tvm_bridge.machine import host_target


def verify(directory: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    code = main(["verify", str(directory), *options])
    return code, json.loads((directory / "certificate.json").read_text())["tasks"]


def test_a_work_dir_of_tvms_own_search(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, (matmul_task, softmax_task) = verify(two, "--json", str(tmp_path / "c.json"))
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert json.loads((tmp_path / "c.json").read_text())["tasks"] == [matmul_task, softmax_task]
    best = min(range(6), key=lambda number: sum(lines(two)[number][1][1]) / len(lines(two)[number][1][1]))
    assert matmul_task["verdicts"][0]["line"] == best + 1 and matmul_task["certified"] in range(1, 7)
    certified = next(v for v in matmul_task["verdicts"] if v["status"] == "certified")
    assert certified["ratio"][2] < 1.0 and max(certified["worst"].values()) <= 1.0
    kinds = {"random", "positive", "negative", "zeros", "ones", "denormal", "large", "overflow", "infinity", "NaN"}
    assert set(certified["worst"]) == kinds
    assert "task 1: record" in shown and "times as fast as the untuned program" in shown
    assert all(v["status"] in ("certified", "slow", "lucky") for v in softmax_task["verdicts"])  # by the load


def test_records_for_another_machine_are_not_called_wrong(
    one: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lines(one)
    monkeypatch.setattr("tvm_litecoop.certify.verify.lacking", lambda target: "avx512f")
    code, (task,) = verify(one, "--set-aside")
    assert code == 1 and task["unchecked"] == "it needs avx512f, which this machine lacks"
    assert lines(one) == before and "avx512f" in capsys.readouterr().out


def test_a_planted_wrong_kernel_is_rejected_and_the_next_is_certified(
    one: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fastest = min(sum(record[1][1]) / len(record[1][1]) for record in lines(one))
    plant(one, matmul(), in_halves, 0.9 * fastest)
    code, (task,) = verify(one)
    shown = capsys.readouterr().out
    assert code == 1
    assert task["verdicts"][0]["line"] == 7 and task["verdicts"][0]["status"] == "wrong", shown
    assert task["certified"] in range(1, 7)
    assert "record 7 is rejected, wrong: off by" in shown and "--set-aside prevents that" in shown

    before = lines(one)
    code, (task,) = verify(one, "--set-aside")
    aside = [json.loads(line) for line in (one / "rejected.json").read_text().splitlines()]
    assert code == 1 and f"moved {len(aside)} records" in capsys.readouterr().out
    assert aside[-1]["record"] == before[6] and "off by" in aside[-1]["reason"]
    assert lines(one) == [record for record in before if record not in [entry["record"] for entry in aside]]
    database = JSONDatabase(work_dir=str(one))
    record = database.query_tuning_record(matmul(), host_target(), "main")
    seconds = [float(second) for second in record.run_secs]
    assert seconds == pytest.approx(lines(one)[task["certified"] - 1][1][1])
    assert task["records"] == len(lines(one))
    capsys.readouterr()
    assert main(["eject", str(one), "-o", str(one / "file.py")]) == 0
    assert f"record {task['certified']}, certified" in capsys.readouterr().out
    assert verify(one)[0] == 0


def test_a_faster_record_for_another_target_is_what_tvm_would_take(one: Path) -> None:
    found = lines(one)
    other = json.loads(json.dumps(found[0]))
    other[1][1], other[1][2]["mcpu"] = [1e-9], "x86-64"
    rewrite(one, [*found, other])
    task, _ = records.read(str(one)).tasks
    for known, says in ((task, "here one recorded for another target"), (replace(task, elsewhere=()), "as plain TVM")):
        said = TaskCertificate(known, (Verdict(task.records[0], CERTIFIED),))
        assert says in table.how(str(one), [said])[-1]


def test_what_was_torn_by_a_full_disk_does_not_swallow_the_next_rejected_record(one: Path) -> None:
    plant(one, matmul(), in_halves, 1e-9)
    (one / "rejected.json").write_text('{"reason": "of an ear')
    verify(one, "--set-aside")
    _, *aside = (one / "rejected.json").read_text().splitlines()
    assert aside and all("record" in json.loads(line) for line in aside)


def test_a_kernel_that_tvm_itself_made_wrong_is_rejected(tmp_path: Path) -> None:
    plant(tmp_path, normalized(), summed_again, 1e-6)
    code, (task,) = verify(tmp_path)
    assert code == 1 and task["certified"] is None and task["verdicts"][0]["status"] == "wrong"


def test_a_planted_lucky_timing_is_rejected(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = lines(one)
    slowest = max(range(6), key=lambda number: sum(records[number][1][1]))
    records[slowest][1][1] = [1e-9]
    rewrite(one, records)
    code, (task,) = verify(one)
    first = task["verdicts"][0]
    assert code == 0 and first["line"] == slowest + 1 and first["status"] in ("lucky", "slow")
    assert first["status"] == "lucky" and "times its recorded time" in first["reason"], capsys.readouterr().out
    assert task["certified"] not in (None, slowest + 1)


def test_the_untuned_program_is_certified_where_nothing_is_faster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path, doubled(), copied, 1.0)
    code, (task,) = verify(tmp_path)
    assert code == 0 and task["certified"] is None and task["verdicts"][0]["status"] == "slow"
    verify(tmp_path, "--set-aside")
    assert lines(tmp_path) == [] and len((tmp_path / "rejected.json").read_text().splitlines()) == 1
    code, (task,) = verify(tmp_path, "--set-aside")
    assert code == 0 and task["certified"] is None and task["records"] == 0
    capsys.readouterr()
    assert main(["eject", str(tmp_path)]) == 0
    assert "the untuned program: no record was right and faster" in capsys.readouterr().out
    assert "made with TVM" in (tmp_path / "ejected" / "task1.py").read_text()


def test_tasks_keep_the_numbers_of_their_certificate(
    tmp_path: Path, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task before them has lost all its records to `--set-aside`."""
    (tmp_path / "mine").mkdir()
    plant(tmp_path / "mine", doubled(), copied, 1e-3)
    verify(tmp_path / "mine", "--set-aside")
    for name in ("database_workload.json", "database_tuning_record.json"):
        with (tmp_path / "mine" / name).open("a") as file:
            for line in (two / name).read_text().splitlines():
                entry = json.loads(line)
                file.write(json.dumps([entry[0] + 1, entry[1]] if "tuning" in name else entry) + "\n")
    for _ in range(2):
        _, certified = verify(tmp_path / "mine")
        assert [(one["task"], one["records"]) for one in certified] == [(1, 0), (2, 6), (3, 6)]
    capsys.readouterr()
    assert main(["eject", str(tmp_path / "mine"), "--task", "2", "-o", str(tmp_path / "two.py")]) == 0
    assert "96x96" in (tmp_path / "two.py").read_text().splitlines()[2]
    assert main(["eject", str(tmp_path / "mine"), "--task", "1", "-o", str(tmp_path / "one.py")]) == 0
    assert "1024x1024" in (tmp_path / "one.py").read_text().splitlines()[2]


def test_a_number_that_an_earlier_version_gave_twice_loses_no_task(two: Path) -> None:
    certificates = [TaskCertificate(replace(task, number=1)) for task in records.read(str(two)).tasks]
    store.write(str(two), certificates)
    found = numbered.read(str(two)).tasks
    assert [task.number for task in found] == [1, 2]
    assert {task.hash for task in found} == {task.hash for task in records.read(str(two)).tasks}


def test_a_slow_untuned_program_is_announced_before_it_is_run_on_everything_and_gets_its_time(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examiner, "refer", announced)
    said: list[str] = []
    monkeypatch.setattr(examiner, "first", slow)
    (task,) = records.read(str(one)).tasks
    with examiner.Examiner() as judge:
        found = certify(task, judge, said.append, top=1)
    assert said == ["task 1: the untuned program takes 99.0 s and is run on 10 kinds of inputs"]
    assert found.unchecked == "the untuned program failed: RuntimeError: given 99.0 s"


def test_records_that_do_not_replay_are_passed_over(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign, missing, *_ = records = lines(one)
    foreign[1][0][0][0][0], foreign[1][1] = "GetBlockOfAnotherTVM", [1e-8]
    missing[1][0][0][0][2][0], missing[1][1] = "no such block", [2e-8]
    rewrite(one, records)
    with (one / "database_tuning_record.json").open("a") as file:
        file.write('[0, [torn\n"foreign"\n')
    code, (task,) = verify(one)
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert [v["status"] for v in task["verdicts"]][:2] == ["unusable", "unusable"] and task["certified"]
    assert "2 lines of database_tuning_record.json cannot be read and are left out: 7, 8" in shown


def test_a_kernel_that_crashes_takes_nobody_along(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examiner, "judge", crashing)
    records = lines(one)
    records[2][1][1] = [1e-6]
    rewrite(one, records)
    code, (task,) = verify(one)
    first, second, *_ = task["verdicts"]
    assert code == 1 and first["status"] == "crashed" and first["line"] == 3
    assert second["worst"]["random"] <= 1.0 and task["certified"] not in (None, 3)


def test_a_record_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examiner, "LIMIT_S", 3.0)
    plant(tmp_path, matmul(128), unrolled, 1e-6)
    code, (task,) = verify(tmp_path)
    assert code == 1 and task["verdicts"][0]["status"] == "hung" and task["certified"] is None


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "No such file"),
        ({"database_workload.json": "", "database_tuning_record.json": ""}, "holds no record that can be used"),
        ({"database_workload.json": "hello\n", "database_tuning_record.json": "world\n"}, "1 lines of"),
        ({"database_workload.json": "\x00", "database_tuning_record.json": b"\xff\xfe\x00"}, "not a database of TVM"),
    ],
)
@pytest.mark.parametrize("command", ["verify", "eject"])
def test_a_directory_without_records_is_one_line_and_exit_code_2(
    files: dict[str, str | bytes], says: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main([command, str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1 and says in captured.err
    assert "work dir" in captured.err


def test_shapes_that_are_none_are_a_broken_line(one: Path) -> None:
    before = lines(one)
    for shape in (['"""', "import os"], None, 3, "12", [float("inf")], [1.5], [True]):
        index, (trace, run_secs, target, _) = before[0]
        rewrite(one, [[index, [trace, run_secs, target, [["TENSOR", "float32", shape]]]], *before])
        found = records.read(str(one))
        assert found.broken == (1,) and found.tasks[0].title == records.read(str(one)).tasks[0].title
        assert '"' not in found.tasks[0].title


def test_a_target_that_cannot_be_checked_here_says_so(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = lines(one)
    for record in records:
        record[1][2] = {"kind": "cuda", "keys": ["cuda", "gpu"], "arch": "sm_80", "tag": ""}
    rewrite(one, records)
    code, (task,) = verify(one)
    assert code == 1 and task["certified"] is None and task["unchecked"] == "no check on cuda yet"
    shown = capsys.readouterr().out
    assert "not checked" in shown and "nothing here is certified" in shown and "what is certified" not in shown


def test_a_broken_file_of_workloads_is_the_one_that_is_named(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one / "database_workload.json").write_text("nonsense\n")
    assert main(["verify", str(one)]) == 2
    assert "1 lines of database_workload.json are not TVM's" in capsys.readouterr().err
