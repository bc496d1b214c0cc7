"""Faults of the machine under a real run: the run ends with one clear line, and the next one goes on.

The file systems are real ones, mounted in a namespace of their own.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tvm_litecoop.journal.record import read

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
LITECOOP = f"{shlex.quote(sys.executable)} -m tvm_litecoop.cli"
TUNE = f"{LITECOOP} tune matmul:32x32x32 --trials 16 --work-dir mounted/work"


def mounts() -> bool:
    """Whether this machine lets us mount."""
    if shutil.which("unshare") is None:
        return False
    tried = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not mounts(), reason="this machine does not let users mount")


def shell(folder: Path, script: str) -> list[str]:
    """Run a script in a namespace of its own; what each of its commands said, from one `echo ---` to the next."""
    (folder / "mounted").mkdir()
    command = [*NAMESPACE, "sh", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    return (done.stdout + done.stderr).split("---\n")


@needs_mounts
def test_a_disk_that_fills_up_ends_the_run_with_one_line_and_the_next_one_goes_on(tmp_path: Path) -> None:
    full, again = shell(
        tmp_path,
        f"""mount -t tmpfs -o size=100k tmpfs mounted
        {TUNE} --batch 4 2>&1; echo exit $?
        mount -o remount,size=10m mounted; echo ---
        {TUNE} --batch 4 2>&1; echo exit $?; cp -r mounted/work .""",
    )
    *_, said, end = full.splitlines()
    assert end == "exit 2" and "Traceback" not in full, full
    assert said.startswith("litecoop: ") and "could not be written to" in said and "make room there" in said
    assert "going on with" in again and again.endswith("exit 0\n"), again
    [record] = read(tmp_path / "work")
    assert record.ended
    assert len((tmp_path / "work" / "database_tuning_record.json").read_text().splitlines()) == 16


@needs_mounts
def test_a_work_dir_on_a_read_only_mount_can_be_read_and_is_said_not_to_be_writable(tmp_path: Path) -> None:
    first, tune, replay, verify = shell(
        tmp_path,
        f"""mount -t tmpfs tmpfs mounted
        {TUNE} --trials 4 2>&1; echo exit $?
        mount -o remount,ro mounted; echo ---
        {TUNE} 2>&1; echo exit $?; echo ---
        {LITECOOP} replay mounted/work 2>&1; echo exit $?; echo ---
        {LITECOOP} verify mounted/work 2>&1; echo exit $?""",
    )
    assert first.endswith("exit 0\n"), first
    assert tune.splitlines() == [
        "litecoop: work dir 'mounted/work' cannot be written: Read-only file system"
        " (choose another one with --work-dir)",
        "exit 2",
    ]
    assert "the record ends after 4 of its 4 trials" in replay and replay.endswith("exit 0\n")
    assert "certificate.json cannot be written: Read-only file system" in verify and verify.endswith("exit 2\n")
