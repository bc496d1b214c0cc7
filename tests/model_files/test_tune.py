"""`litecoop tune` of whole models and `litecoop run`, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tvm_litecoop.cli import main
from tvm_litecoop.journal import record
from tvm_litecoop.model_files import onnx_file
from tvm_litecoop.tuning import model_check, model_session, tasks, yardstick
from tvm_litecoop.tuning.lowering import ABOUT
from tvm_litecoop.tuning.model_outcome import ModelOutcome
from tvm_litecoop.tvm_bridge import machine

from .conftest import tiny_onnx


def test_a_model_is_tuned_certified_written_and_run(
    mobilenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    file, work = str(mobilenet[0]), str(tmp_path / "work")
    assert main(["tune", file, "--trials", "8", "--work-dir", work, "-o", "m.so", "--json", "m.json"]) == 0
    out = capsys.readouterr().out
    assert "1 of 3 different kernels are tuned" in out and "too few trials for so many tasks" in out
    assert "8/8 trials" in out and "outputs against onnxruntime" in out
    found = json.loads(Path("m.json").read_text())
    assert found["correct"] is True and found["worst_error"] <= 1.0 and found["trials"] == 8
    assert found["untuned_ms"][0] > 0 and found["final_ms"][0] > 0 and len(found["tasks"]) == 3
    assert sum(task["trials"] for task in found["tasks"]) == 8

    # what is known is used without another trial, also by a model of the same kernels
    monkeypatch.setattr(tasks, "warm_tools", lambda: pytest.fail("kernels are timed again"))
    assert main(["tune", file, "--trials", "0", "--work-dir", work, "--json", "m.json", "--quiet"]) == 0
    again = json.loads(Path("m.json").read_text())
    assert again["trials"] == 0 and again["known"] == 8 and again["correct"] is True
    capsys.readouterr()

    np.save("mine.npy", np.ones((1, 8, 16, 16), np.float32))
    assert main(["run", "m.so", "--input", "input=mine.npy"]) == 0
    out = capsys.readouterr().out
    assert "input input: float32 1x8x16x16, mine.npy" in out and "ms a run, 5 % to 95 % of" in out
    np.save("other.npy", np.ones((1, 8), np.float32))
    np.savez("several.npz", np.ones(1), np.ones(2))
    Path("empty.npy").touch()
    for given, says in (
        ("input=several.npz", "it holds several arrays"),
        ("input=empty.npy", "cannot be read"),
        ("input=other.npy", "needed is input: float32 1x8x16x16"),
        ("input=missing.npy", "cannot be read"),
        ("x=mine.npy", "it has input"),
        ("mine.npy", "is not of the form"),
    ):
        assert main(["run", "m.so", "--input", given]) == 2
        assert says in capsys.readouterr().err
    monkeypatch.setattr(machine, "lacking", lambda target: "amx-tile")
    assert main(["run", "m.so"]) == 2
    assert "m.so needs amx-tile, which this machine lacks (tune the model on this one)" in capsys.readouterr().err


def test_a_stopped_run_compiles_what_it_has_and_is_gone_on_with(
    mobilenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["tune", str(mobilenet[1]), "--trials", "20", "--batch", "4", "--work-dir", "work", "--json", "m.json"]
    with subprocess.Popen(
        [sys.executable, "-m", "tvm_litecoop.cli", *command, "-o", "m.so"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "/20 trials" in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err
    assert "interrupted; going on with the best so far" in out and Path("m.so").exists()
    stopped = json.loads(Path("m.json").read_text())
    assert stopped["interrupted"] is True and 0 < stopped["trials"] < 20 and stopped["correct"] is True

    assert main(command) == 0
    assert "going on with the unfinished run" in capsys.readouterr().out
    found = json.loads(Path("m.json").read_text())
    assert found["trials"] == 20 and found["interrupted"] is False and found["correct"] is True
    assert len(Path("work/database_tuning_record.json").read_text().splitlines()) == 20
    assert all(run.ended for run in record.read(Path("work")))  # the next one starts a new tree


def test_both_searches_side_by_side(
    mobilenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = ["--trials", "2", "--compare", "replay-trace", "--json", "both.json"]
    assert main(["tune", str(mobilenet[1]), *args]) == 0
    both = json.loads(Path("both.json").read_text())
    assert [one["strategy"] for one in both] == ["replay-trace", "litecoop"]
    assert all(one["correct"] and one["checked_by"].startswith("torch") for one in both)
    assert both[0]["directory"] != both[1]["directory"] and both[0]["untuned_ms"] == both[1]["untuned_ms"]
    assert capsys.readouterr().out.count("replay-trace on") >= 2


def test_a_wrong_model_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tiny_onnx(tmp_path / "relu.onnx")
    Path("m.so").write_text(ABOUT)
    monkeypatch.setattr(model_check, "deviation", lambda got, expected: 2.0)
    assert main(["tune", str(file), "--trials", "0", "-o", "m.so"]) == 1
    assert "the outputs are wrong: no model is written" in capsys.readouterr().out
    assert Path("m.so").read_text() == ABOUT


def test_a_search_that_is_stopped_ends_the_comparison_and_its_model_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_onnx(tmp_path / "relu.onnx")

    def stopped(request: Any, _tasks: Any, target: Any, *_: Any) -> ModelOutcome:
        assert request.strategy == "litecoop"
        return ModelOutcome("relu.onnx", str(target), request.strategy, 1, request.directory, interrupted=True)

    monkeypatch.setattr(model_session, "run", stopped)
    assert main(["tune", "relu.onnx", "--compare", "replay-trace", "-o", "m.so"]) == 0
    assert "interrupted; going on with the best so far" in capsys.readouterr().out and Path("m.so").exists()


def test_a_harmful_record_that_was_tried_makes_the_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_onnx(tmp_path / "relu.onnx")

    def harmed(request: Any, _tasks: Any, target: Any, *_: Any) -> ModelOutcome:
        return ModelOutcome("relu.onnx", str(target), request.strategy, 1, request.directory, harmful=2)

    monkeypatch.setattr(model_session, "run", harmed)
    assert main(["tune", "relu.onnx", "-o", "m.so"]) == 1
    assert "2 records were wrong, crashed or hung" in capsys.readouterr().out and Path("m.so").exists()


def test_who_cannot_answer_is_found_out_before_the_tuning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("no kernel for it\nmore")

    monkeypatch.chdir(tmp_path)
    tiny_onnx(tmp_path / "relu.onnx")
    monkeypatch.setattr(onnx_file, "_reference", lambda path: (broken, "onnxruntime 1"))
    assert main(["tune", "relu.onnx", "--trials", "0", "--json", "m.json"]) == 0
    by = "the untuned model (not checked: onnxruntime 1 fails on it: no kernel for it)"
    assert json.loads(Path("m.json").read_text())["checked_by"] == by
    capsys.readouterr()
    monkeypatch.setattr(onnx_file, "_reference", lambda path: (lambda inputs: [inputs[0] + 9.0], "onnxruntime 1"))
    assert main(["tune", "relu.onnx", "--trials", "8"]) == 2
    err = capsys.readouterr().err
    assert "TVM mistranslates it" in err and "those of onnxruntime 1" in err and len(err.splitlines()) == 1
    monkeypatch.setattr(yardstick, "by_default", broken)
    assert main(["tune", "relu.onnx"]) == 2
    err = capsys.readouterr().err
    assert "TVM cannot run the untuned model: no kernel for it" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["relu.onnx", "-o", "nowhere/m.so"], "nowhere/m.so cannot be written"),
        (["relu.onnx", "-o", "relu.onnx"], "let it end in .so"),
        (["relu.onnx", "-o", "mine.so"], "mine.so is there and not of litecoop tune"),
        (["relu.onnx", "--pool", "typo.toml"], "typo.toml: No such file"),
        (["relu.onnx", "--work-dir", "/proc/nope/work"], "choose another one with --work-dir"),
        (["relu.onnx", "--compare", "evolutionary", "--work-dir", "/proc/nope/work"], "choose another one with"),
        (["matmul:8x8x8", "--no-prepack"], "--no-prepack is for whole models"),
        (["mine.py:kernel", "--shape", "x=1x2"], "--shape is for models from files"),
        (["relu.onnx", "-o", "folder.so"], "it is a directory"),
        (["matmul:8x8x8", "-o", "m.so"], "-o is for whole models"),
        (["matmul:8x8x8", "--shape", "x=1x2"], "--shape is for models from files"),
        (["relu.onnx", "--shape", "x=4"], "input 'x' of relu.onnx is 2x3"),
        (["relu.onnx", "--target", "nvidia/nvidia-a100"], "whole models are compiled for CPUs"),
        (["missing.onnx"], "missing.onnx is not there"),
    ],
)
def test_what_cannot_be_used_is_said_before_the_work(
    args: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_onnx(tmp_path / "relu.onnx")
    Path("mine.so").write_text("mine")
    Path("folder.so").mkdir()
    Path("mine.py").write_text("from tvm_litecoop.workloads import parse\nkernel = parse('add:8x8').mod\n")
    assert main(["tune", *args]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1 and says in captured.err


def test_a_work_dir_without_records_of_the_model_is_said(
    mobilenet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["tune", str(mobilenet[0]), "--trials", "0", "--work-dir", "wrok", "-o", "m.so"]) == 0
    assert "wrok holds no record of this model for" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("content", "says"), [(b"garbage", "no model that litecoop has compiled"), (None, "not there")]
)
def test_run_refuses_what_is_not_ours(
    content: Any, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "m.so"
    if content:
        file.write_bytes(content)
    assert main(["run", str(file)]) == 2
    captured = capsys.readouterr()
    assert says in captured.err and "litecoop tune model.onnx -o model.so" in captured.err
