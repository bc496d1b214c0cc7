"""Files that are replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tvm_litecoop import atomic


def test_a_link_stays_one_and_a_mode_is_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o664)
    link.symlink_to(real)
    atomic.replace(link, b"new")
    assert link.is_symlink() and real.read_text() == "new" and real.stat().st_mode & 0o777 == 0o664


def test_what_cannot_be_written_leaves_everything(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "nowhere" / "bad"
    good.write_text("old")
    with pytest.raises(FileNotFoundError):
        atomic.replace_all({good: b"new", bad: b"new"})
    assert [file.name for file in tmp_path.iterdir()] == ["good"] and good.read_text() == "old"
