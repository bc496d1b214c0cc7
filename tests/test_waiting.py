"""A run that is stuck says where."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.loopback import Loopback, answer, says
from toy import ToySpace
from tvm_litecoop import waiting
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models import openai_api
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.search.loop import Search
from tvm_litecoop.waiting import waiting as waits


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was logged, with the seconds."""
    lines: list[str] = []
    monkeypatch.setattr(waiting.logger, "warning", lambda text, *args: lines.append(text % args))
    return lines


def until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def test_the_innermost_wait_is_shown_and_logged_again_when_it_has_doubled(said: list[str]) -> None:
    assert waiting.now() == ""
    steps = iter(range(100))
    with waits("building 8 programs", 0.01):
        assert waiting.now() == "building 8 programs"
        with waits(lambda: f"waiting for a model, {next(steps)}", 0.03):
            begun = time.monotonic()
            assert until(lambda: len([line for line in said if "model" in line]) >= 3)
            assert time.monotonic() - begun > 0.1  # 0.03, 0.06 and 0.12 s
        assert waiting.now() == "building 8 programs"
        assert until(lambda: said[-1].startswith("still building 8 programs after"))
    assert waiting.now() == ""
    models = [line.split(" after")[0] for line in said if "model" in line]
    assert models == [f"still waiting for a model, {n}" for n in range(len(models))]


def test_an_error_ends_a_wait() -> None:
    with pytest.raises(KeyError), waits("nothing"):
        raise KeyError
    assert waiting.now() == ""
    assert until(lambda: not any(thread.name == "litecoop-waiting" for thread in threading.enumerate()))


@pytest.mark.parametrize("background", [True, False])
def test_a_model_that_is_waited_for_is_named(
    said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, background: bool
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.05)
    with Loopback(says(answer(["d0=0"], ["d1=1"]), after_s=0.5)) as server:
        settings = {"name": "slow-model", "provider": "openai", "base_url": server.url, "background": background}
        member = openai_api.member(MemberSettings.model_validate(settings))
        search = Search(ToySpace(), Pool([member], slow_share=1e6), SearchConfig(), 7)
        assert search.ask(2)
        search.close(5.0)
    assert said and re.match(r"still waiting for slow-model after \d+ s", said[0])
