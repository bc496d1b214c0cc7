"""Whole models by both searches: which results are finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from litecoop_bench import end_to_end

DONE = {"interrupted": False}


@pytest.mark.parametrize(
    ("found", "finished"),
    [
        ([DONE, DONE], True),
        ([DONE, {"interrupted": True}], False),
        ([DONE], False),
        (DONE, False),
        (None, False),
    ],
)
def test_only_both_searches_to_their_end_are_a_result(found: Any, finished: bool, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    if found is not None:
        file.write_text(json.dumps(found))
    assert (end_to_end._outcomes(file) is not None) == finished
    file.write_text("{")
    assert end_to_end._outcomes(file) is None
