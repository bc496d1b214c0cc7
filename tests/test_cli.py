"""`litecoop tune` as a user runs it: results, exit codes, one clear line for a wrong input, Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tvm_litecoop.cli import main
from tvm_litecoop.cli.files import as_text
from tvm_litecoop.journal.record import read
from tvm_litecoop.journal.replay import replay
from tvm_litecoop.journal.store import CERTIFIED, FILE, Store
from tvm_litecoop.models.providers import FREE
from tvm_litecoop.tuning.request import Request
from tvm_litecoop.tvm_bridge.task import KNOWN_BATCHES

LITECOOP = [sys.executable, "-m", "tvm_litecoop.cli"]


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LITECOOP, *args], cwd=cwd, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.usefixtures("whole_machine")
def test_tune_prints_checks_and_writes_the_result(tmp_path: Path) -> None:
    done = run("tune", "matmul:32x48x64", "--trials", "8", "--seed", "3", "--json", "out.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "8/8 trials, best" in done.stdout and "GFLOP/s by" in done.stdout
    assert "tvm_litecoop" not in done.stderr and "task_scheduler" not in done.stdout
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["trials"] == 8 and result["correct"] is True and result["worst_error"] <= 1.0
    assert result["best_ms"] > 0 and result["final_ms"] > 0 and result["best_gflops"] > 0
    assert result["curve"][-1][0] == 8 and result["curve"][-1][2] == result["best_ms"]
    assert set(result["seconds"]) == {"total", "build", "run", "search", "model", "hidden"}
    assert sum(m["trials"] for m in result["members"].values()) == 8
    assert result["best_author"] in result["members"]
    records = tmp_path / "litecoop-work" / "matmul-32x48x64-litecoop" / "database_tuning_record.json"
    times = [sum(secs) / len(secs) for secs in (json.loads(line)[1][1] for line in records.read_text().splitlines())]
    assert len(times) == 8
    bests = [trial for trial in range(1, 9) if times[trial - 1] == min(times[:trial])]
    shown = [trial for trial, _, _ in result["curve"]]
    assert shown == sorted(set(shown)) and {*bests, 8} <= set(shown)
    assert all(ms == pytest.approx(min(times[:trial]) * 1e3) for trial, _, ms in result["curve"])

    again = run("tune", "matmul:32x48x64", "--trials", "4", "--json", "again.json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    resumed = json.loads((tmp_path / "again.json").read_text())
    assert resumed["known"] == 8 and "going on with 8 records of earlier runs, best" in again.stdout
    assert resumed["best_ms"] <= result["best_ms"] and resumed["curve"][0][2] <= result["best_ms"]
    fresh = run("tune", "matmul:32x48x64", "--trials", "4", "--fresh", "--json", "fresh.json", cwd=tmp_path)
    assert fresh.returncode == 0, fresh.stderr
    assert json.loads((tmp_path / "fresh.json").read_text())["known"] == 0
    assert len(records.with_name(records.name + ".1").read_text().splitlines()) == 12


def test_the_next_batch_is_proposed_while_one_is_built(tmp_path: Path) -> None:
    (tmp_path / "pool.toml").write_text("".join(f'[[member]]\nname = "{one}"\nprovider = "{one}"\n' for one in FREE))
    short = ["--trials", "22", "--batch", "2", "--pool", "pool.toml", "--work-dir", "w", "--json", "out.json"]
    done = run("tune", "matmul:32x48x64", *short, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    seconds = json.loads((tmp_path / "out.json").read_text())["seconds"]
    parts = [seconds[name] for name in ("build", "run", "search", "model")]
    assert sum(parts) == pytest.approx(seconds["total"]) and min(parts) >= 0
    again = replay(read(tmp_path / "w")[-1])
    assert [steps > 0 for steps in again.recorded.prepared] == [False] * KNOWN_BATCHES + [True] * 2 + [False]
    assert again.where_it_ends().endswith("every answer was recorded")


def test_nobody_who_listens_ends_no_run(tmp_path: Path) -> None:
    command = " ".join([*LITECOOP, "tune", "matmul:16x16x16", "--trials", "4", "--batch", "2", "--json", "out.json"])
    shell = f"{command} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900)
    assert "Traceback" not in done.stderr and len(done.stdout.splitlines()) == 1
    assert json.loads((tmp_path / "out.json").read_text())["trials"] == 4 and done.returncode == 0, done.stderr
    [work] = (tmp_path / "litecoop-work").iterdir()
    for ending in ("> /dev/full", ">&-", "| true"):
        (work / "certificate.json").unlink()
        shell = f"{' '.join(LITECOOP)} verify {work} --top 1 {ending}; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        assert (work / "certificate.json").exists()


def test_compare_shows_both_searches(tmp_path: Path) -> None:
    done = run("tune", "softmax:16x64", "--trials", "4", "--compare", "replay-trace", "--json", "o.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    both = json.loads((tmp_path / "o.json").read_text())
    assert [outcome["strategy"] for outcome in both] == ["replay-trace", "litecoop"]
    stock, ours = both
    slow = "LocalBuilder: Timeout" in stock["first_failure"]  # its workers import for 14 s, on slow machines for 30
    assert ours["correct"] and (stock["correct"] or slow)


def test_ctrl_c_keeps_and_prints_the_best_so_far(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*LITECOOP, "tune", "matmul:64x64x64", "--trials", "2000", "--json", "out.json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            while "best" not in (line := process.stdout.readline()):
                assert line, "the run ended before its first batch"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=900)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert "interrupted; showing the best so far" in out and "Traceback" not in err
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["interrupted"] is True and result["correct"] is True and 0 < result["trials"] < 2000


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["matmull"], "did you mean matmul"),
        (["matmul:512x"], "matmul"),
        (["matmul", "--target", "quantum"], "quantum"),
        (["matmul", "--target", "llvm"], "add -num-cores=N"),
        (["matmul", "--target", "llvm -mcpu=fooo -num-cores=2"], "LLVM knows no CPU 'fooo'"),
        (["matmul", "--target", "llvm mcpu"], "-name=value"),
        (["matmul", "--trials", "0"], "choose at least 1"),
        (["model.onnx", "--trials", "0", "--fresh"], "leave out --fresh"),
        (["matmul", "--target", "llvm -mtriple=riscv64-linux-gnu -num-cores=4"], "has the instructions of riscv64"),
        (["matmul", "--seed", "-5"], "choose a number"),
        (["matmul:8x8x8", "--shape", "x=1"], "a built-in has its shape in its name"),
        (["missing.py:thing"], "missing.py"),
        (["matmul", "--work-dir", "/proc/nope/work"], "choose another one with --work-dir"),
        (["matmul", "--json", "nowhere/out.json"], "nowhere is not there"),
        (["matmul", "--json", "."], "it is a directory"),
        (["matmul", "--json", f"{__file__}/out.json"], "is not there"),
        (["matmul", "--json", "x" * 300], "File name too long"),
        (["~nobody-of-that-name/m.onnx"], "is not there"),
        (["~nobody-of-that-name/m.py:f"], "there is no file"),
        (["matmul", "--pool", "nowhere.toml"], "nowhere.toml: No such file"),
        (["matmul", "--setting", "magic"], "choose from paper, default, single"),
        (["matmul", "--strategy", "evolutionary", "--pool", "p.toml"], "evolutionary has no pool"),
        (["matmul", "--strategy", "evolutionary", "--compare", "evolutionary"], "choose another one"),
    ],
)
def test_a_wrong_input_is_one_line_and_exit_code_2(
    args: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["tune", *args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1 and captured.err.startswith("litecoop: ") and says in captured.err


def test_broken_lines_of_a_database_are_set_aside_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "database_workload.json").write_text("{not json\n")
    (tmp_path / "database_tuning_record.json").write_text("[0, [\n")
    assert main(["tune", "add:8x8", "--trials", "1", "--work-dir", str(tmp_path)]) == 0
    assert " ".join(capsys.readouterr().out.split()).count("cannot be read") == 2  # lines are wrapped
    assert (tmp_path / "database_tuning_record.json.broken").read_text() == "[0, [\n"
    assert (tmp_path / "database_workload.json.broken").read_text() == "{not json\n"


def test_a_work_dir_in_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = "import sys; from pathlib import Path; from tvm_litecoop.journal.lock import Lock\n"
    script += "lock = Lock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        assert main(["tune", "add:8x8", "--trials", "1", "--work-dir", str(tmp_path)]) == 2
        holder.kill()
    captured = capsys.readouterr()
    assert captured.err == (
        f"litecoop: work dir {str(tmp_path)!r} is in use by process {holder.pid} "
        "(wait for it, or choose another work dir)\n"
    )


def test_a_stopped_run_is_gone_on_with_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work"
    with subprocess.Popen(
        [*LITECOOP, "tune", "matmul:64x64x64", "--trials", "2000", "--work-dir", str(work)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "/2000 trials" in line:
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
    assert process.returncode == 0 and "interrupted; showing the best so far" in rest
    done = len((work / "database_tuning_record.json").read_text().splitlines())
    again = run("tune", "matmul:64x64x64", "--trials", str(done + 8), "--work-dir", str(work), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"{done} trials are done" in " ".join(again.stdout.split())
    assert len((work / "database_tuning_record.json").read_text().splitlines()) == done + 8
    assert main(["replay", str(work)]) == 0
    assert f"the record ends after {done + 8} of its {done + 8} trials" in capsys.readouterr().out
    store = Store(work / FILE)
    notes = [json.loads(row.body) for row in store.rows() if row.kind == CERTIFIED]
    store.close()
    (task,) = json.loads((work / "certificate.json").read_text())["tasks"]
    assert len(notes) == 2 and notes[-1]["certified"] == task["digest"]
    assert main(["replay", str(work), "--lambda", "0.9"]) == 0 and main(["replay", str(tmp_path)]) == 2


def test_ctrl_c_ends_a_run_whose_messages_nobody_reads(tmp_path: Path) -> None:
    """As in `2>&1 | tee log`, where it ends `tee` too; a second one ends the process at once."""
    work = tmp_path / "work"
    with subprocess.Popen(
        [*LITECOOP, "tune", "matmul:64x64x64", "--trials", "2000", "--work-dir", str(work)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            if "/2000 trials" in line:
                break
        process.stderr.close()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # at once: two of a kind would be one
        try:
            assert process.wait(timeout=300) == 130
        finally:
            process.kill()


def test_verify_takes_its_temporary_files_along_when_it_is_stopped(tmp_path: Path) -> None:
    assert main(["tune", "matmul:64x64x64", "--trials", "8", "--work-dir", str(tmp_path / "w"), "--quiet"]) == 0
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [*LITECOOP, "verify", str(tmp_path / "w")], env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.PIPE
    ) as process:
        while not (made := next(temporary.glob("litecoop-*"), None)):
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        process.communicate()
    assert process.returncode == 130 and not made.exists()


def test_a_machine_without_room_for_temporary_files_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *args, **options: nowhere())
    assert main(["tune", "matmul:8x8x8", "--trials", "1", "--work-dir", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "set TMPDIR" in line and "No usable temporary directory" in line


def test_without_a_compiler_nothing_is_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tvm.support import cc

    monkeypatch.setattr(cc, "get_cc", lambda: None)
    assert main(["tune", "matmul:8x8x8", "--trials", "1", "--work-dir", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "litecoop: there is no C compiler to link with (install gcc, or set CXX)"


def test_work_dirs_are_named_in_any_alphabet() -> None:
    assert Request("модель.onnx").directory == "litecoop-work/модель.onnx-litecoop"
    assert Request("my_net.onnx", target="nvidia/a100").directory == "litecoop-work/my-net.onnx-nvidia-a100-litecoop"
    assert Request("___.onnx").directory == "litecoop-work/onnx-litecoop"


def test_options_of_targets_may_be_written_as_on_a_command_line() -> None:
    from tvm_litecoop.tuning.targets import parse_target

    target = parse_target("llvm -keys=cpu -mcpu=znver4 -num-cores=8")
    assert dict(target.attrs) == {"mcpu": "znver4", "num-cores": 8}
    assert parse_target("nvidia/nvidia-a100").kind.name == "cuda"
    assert parse_target('{"kind": "llvm", "num-cores": 2}').kind.name == "llvm"


def test_a_target_that_this_machine_cannot_execute_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tvm_litecoop.tuning import targets
    from tvm_litecoop.tvm_bridge import machine

    plain = targets.parse_target("llvm -mcpu=x86-64 -num-cores=2")
    monkeypatch.setattr(machine, "host_target", lambda: plain)
    targets.check_executable(plain, "")
    targets.check_executable(targets.parse_target("nvidia/nvidia-a100"), "")
    assert main(["tune", "matmul:8x8x8", "--target", "llvm -mcpu=skylake-avx512 -num-cores=2"]) == 2
    assert "'llvm -mcpu=skylake-avx512 -num-cores=2' has avx, which this machine lacks" in capsys.readouterr().err


def test_a_bench_grid_that_cannot_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tmp_path / "g.toml"
    assert main(["bench", str(grid)]) == 2
    grid.write_text('workloads = ["add"]\narms = ["magic"]\ntrials = 1\nseeds = [1]\n')
    assert main(["bench", str(grid)]) == 2
    grid.write_text("workloads = [\n")
    assert main(["bench", str(grid)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "No such file" in lines[0] and "unknown arm 'magic'" in lines[1]


def warned(script: str, threads: int) -> str:
    """What a process of its own says on standard error, whose kernels run on so many threads."""
    given = "import warnings; warnings.simplefilter('always')\nfrom tvm.target import Target\n"
    given += "from tvm_litecoop.tvm_bridge.machine import cores, warn_of_idle_cores\n"
    env = {**os.environ, "TVM_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", given + script]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stderr


def test_idle_cores_are_warned_of_once() -> None:
    script = (
        "elsewhere = {'kind': 'llvm', 'mtriple': 'riscv64-linux-gnu', 'num-cores': 9}\n"
        "warn_of_idle_cores(Target(elsewhere))\n"
        "for count in (3, 3, 5): warn_of_idle_cores(Target({'kind': 'llvm', 'num-cores': count}))\n"
    )
    said = warned(script, threads=1)
    assert said.count("set TVM_NUM_THREADS=3") == 1 and said.count("RuntimeWarning") == 1


def test_more_threads_than_a_process_may_use_are_warned_of() -> None:
    """As under `docker run --cpus`: TVM does not look at it."""
    script = "cores.usable = lambda: 1\nwarn_of_idle_cores(Target({'kind': 'llvm', 'num-cores': 2}))\n"
    assert "may use 1; set TVM_NUM_THREADS=1" in warned(script, threads=2)


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_of_a_terminal_while_the_workers_start(presses: int, tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    with subprocess.Popen(
        [*LITECOOP, "tune", "matmul:64x64x64", "--trials", "400"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, as the shell gives a command
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(scratch)},
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            assert "trials in batches of 8" in process.stdout.readline()
            time.sleep(0.5)  # the workers are importing TVM
            os.killpg(process.pid, signal.SIGINT)
            assert "ending after this batch" in process.stderr.readline() + process.stderr.readline()
            if presses == 2:
                os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=900)
        finally:
            process.kill()
    assert process.returncode == (0 if presses == 1 else 130), err
    assert "Traceback" not in out + err and not list(scratch.glob("*/*"))


@pytest.mark.parametrize(
    ("target", "workload"), [("nvidia/nvidia-a100", "attention:2x64x32"), ('{"kind": "cuda"}', "matmul:64x64x64")]
)
def test_a_space_that_tvm_cannot_make_is_one_line(target: str, workload: str, tmp_path: Path) -> None:
    done = run("tune", workload, "--target", target, "--trials", "4", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"litecoop: {workload}: TVM's schedule rules fail on this function for cuda")
    assert "Traceback" not in done.stderr


USER_FILE = """
from tvm.script import tirx as T

@T.prim_func(s_tir=True)
def mm(A: T.Buffer((16, 32), "float32"), B: T.Buffer((32, 16), "float32"), C: T.Buffer((16, 16), "float32")):
    for i, j, k in T.grid(16, 16, 32):
        with T.sblock("mm"):
            vi, vj, vk = T.axis.remap("SSR", [i, j, k])
            with T.init():
                C[vi, vj] = T.float32(0)
            C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]
"""


def test_a_function_written_by_hand_is_tuned_and_checked(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(USER_FILE)
    done = run("tune", "mine.py:mm", "--trials", "4", "--json", "out.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["correct"] is True


def test_a_number_of_threads_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TVM_NUM_THREADS", "auto")
    assert main(["verify", str(tmp_path)]) == 2
    assert "TVM_NUM_THREADS is 'auto' (set it to the number of physical cores" in capsys.readouterr().err


def test_the_json_of_several_searches_is_a_list_even_if_one_was_stopped() -> None:
    class Done:
        def as_json(self) -> dict[str, int]:
            return {"trials": 4}

    assert json.loads(as_text([Done()], several=True)) == [{"trials": 4}]
    assert json.loads(as_text([Done()], several=False)) == {"trials": 4}
