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


def test_a_model_that_there_is_not_is_said_before_the_first_is_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("sys.argv", ["end_to_end", "resnet18", "resnet", "--small", "--out", str(tmp_path)])
    monkeypatch.setattr(end_to_end, "_tuned", lambda *_: pytest.fail("began to tune"))
    with pytest.raises(SystemExit, match=r"unknown model 'resnet'.*resnet18"):
        end_to_end.main()
