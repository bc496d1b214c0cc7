"""A real run, tuned once, and a page of a large tree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

LITECOOP = [sys.executable, "-m", "tvm_litecoop.cli"]


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The work dir of a `litecoop tune`, and what it said in JSON."""
    folder = tmp_path_factory.mktemp("report")
    command = ["tune", "matmul:64x64x64", "--trials", "16", "--seed", "3", "--work-dir", "work", "--json", "out.json"]
    subprocess.run([*LITECOOP, *command], cwd=folder, check=True, capture_output=True, timeout=900)
    return folder / "work", json.loads((folder / "out.json").read_text())
