"""`litecoop tune` ends with the same check: what earlier runs left in the work dir is not believed either."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plants import in_halves, plant

from tvm_litecoop.cli import main
from tvm_litecoop.workloads import parse


def test_a_wrong_kernel_that_is_in_the_work_dir_is_not_what_tune_ends_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, work, out = "matmul:96x96x96", tmp_path / "work", tmp_path / "out.json"
    work.mkdir()
    plant(work, parse(text).mod, in_halves, 1e-7)
    args = ["tune", text, "--trials", "4", "--work-dir", str(work), "--json", str(out)]
    code = main([*args, "--strategy", "replay-trace"])
    shown, result = capsys.readouterr().out, json.loads(out.read_text())
    assert code == 1 and "record 1 is rejected, wrong" in shown and "litecoop eject" in shown
    assert result["correct"] is False and result["worst_error"] is None  # infinite: float16 overflows
    (task,) = json.loads((work / "certificate.json").read_text())["tasks"]
    assert task["verdicts"][0]["line"] == 1 and task["certified"] == result["certified"] != 1
    assert "numpy" in task["verdicts"][1]["worst"]


def test_a_certificate_that_cannot_be_kept_costs_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work, out = tmp_path / "work", tmp_path / "out.json"
    work.mkdir()
    (work / "certificate.json").write_text("somebody else's")
    args = ["tune", "matmul:32x32x32", "--trials", "4", "--work-dir", str(work), "--json", str(out)]
    assert main([*args, "--strategy", "replay-trace"]) == 0
    assert f"the certificate is not kept, litecoop verify {work} makes it again" in capsys.readouterr().out
    assert json.loads(out.read_text())["correct"] is True
