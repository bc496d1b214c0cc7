"""`litecoop eject`: the file works where this package is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
import tvm_ffi
from plants import matmul
from tvm import te
from tvm.s_tir.meta_schedule.database import JSONDatabase

from tvm_litecoop.certify.eject import _check
from tvm_litecoop.cli import main
from tvm_litecoop.tvm_bridge.machine import host_target

ALONE = """
import json, runpy, sys
import importlib.abc

class Nobody(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tvm_litecoop", "litecoop_bench"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Nobody())
"""


def alone(script: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ALONE + script, *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)


def test_the_file_makes_the_same_schedule_and_the_same_numbers_without_this_package(
    two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert main(["eject", str(two), "-o", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.count("NOT verified") == 2
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["task1.py", "task2.py"]
    for file in files:
        assert "import tvm_litecoop" not in file.read_text() and "load_json" not in file.read_text()
        done = alone("runpy.run_path(sys.argv[1], run_name='__main__')", str(file))
        assert done.returncode == 0 and done.stdout.startswith("right; tuned "), done.stderr

    record = JSONDatabase(work_dir=str(two)).query_tuning_record(matmul(), host_target(), "main")
    schedule = tvm.s_tir.Schedule(matmul())
    record.trace.apply_to_schedule(schedule, remove_postproc=False)
    script = """
import importlib.util, numpy as np, tvm, tvm_ffi
spec = importlib.util.spec_from_file_location("ejected", sys.argv[1])
sys.modules["ejected"] = file = importlib.util.module_from_spec(spec)
spec.loader.exec_module(file)
args = [tvm.runtime.tensor(array) for array in file.arguments(7)]
file.build()["main"](*args)
np.savez(sys.argv[2], *[arg.numpy() for arg in args])
print(json.dumps(int(tvm_ffi.structural_hash(file.schedule().mod))))
"""
    done = alone(script, str(files[0]), str(tmp_path / "numbers.npz"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == int(tvm_ffi.structural_hash(schedule.mod))
    with np.load(tmp_path / "numbers.npz") as numbers:
        a, b, c = (numbers[name] for name in numbers.files)
    np.testing.assert_allclose(c, a @ b, rtol=1e-4, atol=1e-3)


def test_the_certified_record_is_the_one_that_is_written(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(one)]) == 0
    line = json.loads((one / "certificate.json").read_text())["tasks"][0]["certified"]
    assert main(["eject", str(one)]) == 0
    assert f"record {line}, certified" in capsys.readouterr().out
    records = (one / "database_tuning_record.json").read_text().splitlines()
    (one / "database_tuning_record.json").write_text("\n".join([*records, records[line - 1]]) + "\n")
    assert main(["eject", str(one)]) == 0
    assert "1 records came after that" in capsys.readouterr().out
    (one / "database_tuning_record.json").write_text("\n".join(records[: line - 1] + records[line:]) + "\n")
    assert main(["eject", str(one)]) == 2
    assert "is no longer in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--task", "3"], "has tasks 1, 2"),
        (["-o", "x.py"], "there are 2 tasks"),
        (["--task", "1", "-o", "mine.py"], "not of litecoop eject"),
        (["-o", "/proc/nowhere"], "cannot be written"),
    ],
)
def test_a_wrong_option_is_one_line(
    options: list[str],
    says: str,
    two: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("print('mine')\n")
    assert main(["eject", str(two), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1 and says in captured.err
    assert Path("mine.py").read_text() == "print('mine')\n"


def test_each_output_has_its_own_tolerance() -> None:
    a = te.placeholder((8, 8), name="a")
    k = te.reduce_axis((0, 8), name="k")
    total = te.compute((8,), lambda i: te.sum(a[i, k], axis=k), name="total")
    place = te.compute((8,), lambda i: i * 2, name="place")
    text = _check(tvm.IRModule({"main": te.create_prim_func([a, place, total])}))
    assert "OUTPUTS = [1, 2]" in text and "TOLERANCES = [(0.0, 0.0, 0.0001), (0.0001, 1e-05, 0.0)]" in text


def agree(check: str, got: list[float], expected: list[float]) -> bool:
    """Whether a file with that check, of one output, takes these results for equal."""
    names: dict[str, Any] = {"np": np}
    exec(check, names)
    try:
        names["compare"](got, expected, *names["TOLERANCES"][0])
    except AssertionError:
        return False
    return True


def test_the_check_of_a_file_bears_what_is_not_finite_and_what_is_rounded() -> None:
    a = te.placeholder((20000,), name="a")
    root = _check(tvm.IRModule({"main": te.create_prim_func([a, te.compute(a.shape, lambda i: te.sqrt(a[i]))])}))
    nan, inf = float("nan"), float("inf")
    assert agree(root, [nan, 2.0 + 1e-6], [nan, 2.0]) and not agree(root, [1.0, 2.0], [nan, 2.0])
    assert agree(root, [inf, 2.0 + 1e-6], [inf, 2.0]) and not agree(root, [inf, 2.1], [inf, 2.0])
    near = te.compute(a.shape, lambda i: te.nearbyint(a[i]).astype("int32"))
    rounded = _check(tvm.IRModule({"main": te.create_prim_func([a, near])}))
    zeros = [0.0] * 20000
    assert agree(rounded, [1.0, 1.0, *zeros[2:]], zeros) and not agree(rounded, [1.0, 1.0, 1.0, *zeros[3:]], zeros)
    assert not agree(rounded, [2.0, *zeros[1:]], zeros)
