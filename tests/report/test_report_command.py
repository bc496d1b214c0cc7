"""`litecoop report`: one file, written whole; one line and exit code 2 for what cannot be read or written."""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from runs import HOSTILE, hostile, toy

from tvm_litecoop.cli import main
from tvm_litecoop.journal.store import FILE
from tvm_litecoop.report.data import collect
from tvm_litecoop.report.page import MARK, page


def test_a_report_is_written_and_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy(tmp_path)
    assert main(["report", str(tmp_path)]) == 0
    first = (tmp_path / "report.html").read_text()
    assert first.startswith(MARK) and "nodes: 6" in capsys.readouterr().out
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "report.html")]) == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["litecoop.lock", FILE, "report.html"]


def test_the_page_is_one_file_that_may_load_nothing(tmp_path: Path) -> None:
    toy(tmp_path)
    text = page(collect(tmp_path))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy and policy[1].startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy[1]
    assert not re.findall(r'(?:src|href)="(?!data:,|#)', text.split("<script", 1)[0])
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch\(|XMLHttp|import\(", text)


def test_hostile_text_cannot_end_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(tmp_path, monkeypatch)
    data = collect(tmp_path)
    text = page(data)
    assert HOSTILE.split()[0] not in text and "<img" not in text and text.count("</script>") == 2
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert held and json.loads(held[1]) == json.loads(json.dumps(data))
    tree = data["tasks"][0]["tree"]
    assert any("onerror=alert(1)" in one for one in tree["texts"])  # it did get there


def fault(capsys: pytest.CaptureFixture[str], *args: str | Path) -> str:
    """The one line that is said, with exit code 2."""
    assert main(["report", *map(str, args)]) == 2
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1
    return said.err


def test_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no journal in" in fault(capsys, tmp_path)
    assert "no journal in" in fault(capsys, tmp_path / "nowhere")
    (tmp_path / FILE).touch()
    assert "it is empty" in fault(capsys, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [FILE]
    assert not (tmp_path / FILE).read_bytes()


def test_a_damaged_journal_and_a_newer_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy(tmp_path)
    file = tmp_path / FILE
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[len(changed) // 2 :] = bytes(len(changed) - len(changed) // 2)
    for content in (bytes(changed), b"no database at all" * 100):
        file.write_bytes(content)
        assert "cannot be read" in fault(capsys, tmp_path)
        assert file.read_bytes() == content
    file.write_bytes(whole)
    with sqlite3.connect(file) as db:
        db.executescript(f"PRAGMA user_version=9; PRAGMA application_id={0x4C434F09};")
    db.close()
    assert "it is of version 9" in (said := fault(capsys, tmp_path)) and "(update litecoop)" in said
    assert not (tmp_path / "report.html").exists()


def test_what_is_there_and_not_ours_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy(tmp_path)
    mine = tmp_path / "mine.html"
    mine.write_text("<!doctype html><p>years of work")
    assert "is there and not of litecoop report" in fault(capsys, tmp_path, "-o", mine)
    assert mine.read_text() == "<!doctype html><p>years of work"
    assert "it is a directory" in fault(capsys, tmp_path, "-o", tmp_path)
    assert "not there or not yours to write" in fault(capsys, tmp_path, "-o", tmp_path / "none" / "r.html")
    assert "choose a run's number" in fault(capsys, tmp_path, "--run", "-1")
    assert "has no run 3" in fault(capsys, tmp_path, "--run", "3")


def test_the_name_of_a_directory_need_not_be_unicode(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"w\xff")
    toy(folder)
    command = [sys.executable, "-m", "tvm_litecoop.cli", "report", str(folder)]
    env = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(command, capture_output=True, env=env, check=False, timeout=300)
    assert done.returncode == 0 and rb"w\udcff/report.html: run 1" in done.stdout and not done.stderr
    assert rb"<title>w\udcff" in (folder / "report.html").read_bytes()
    assert sorted(one.name for one in folder.iterdir()) == ["litecoop.lock", FILE, "report.html"]


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    toy(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    assert "report.html cannot be written: No space left on device" in fault(capsys, tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["litecoop.lock", FILE]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy(tmp_path)
    tmp_path.chmod(0o500)
    try:
        assert "not yours to write" in fault(capsys, tmp_path)
    finally:
        tmp_path.chmod(0o700)
