"""A work dir, tuned once; each test gets its own copy."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def tuned_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from plants import matmul, softmax, tuned

    directory = tmp_path_factory.mktemp("tuned")
    tuned(directory, [matmul(), softmax()])
    return directory


@pytest.fixture
def two(tuned_once: Path, tmp_path: Path) -> Path:
    """A work dir with six records of a matmul and six of a softmax."""
    return Path(shutil.copytree(tuned_once, tmp_path / "work"))


@pytest.fixture
def one(two: Path) -> Path:
    """A work dir with the matmul alone."""
    for name, kept in (("database_workload.json", 1), ("database_tuning_record.json", 6)):
        lines = (two / name).read_text().splitlines(keepends=True)
        (two / name).write_text("".join(lines[:kept]))
    return two
