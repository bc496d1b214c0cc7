"""A remote member with a planted key, driven by a small search, and the places where the key could come out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from toy import Scripted, ToySpace, measure_all
from tvm_litecoop import seeds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models import openai_api
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.models.stats import MemberStats
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Proposal, Rejection, SetDecision
from tvm_litecoop.view import View

KEY, KEY_ENV = "sk-planted-4711815", "LITECOOP_TEST_KEY_9F3A"


class Log(logging.Handler):
    """Everything that is logged by anybody, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.name = "litecoop-test"  # TVM's logging cannot bear one without
        self.lines: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, self.format(record)))

    def warnings(self) -> list[str]:
        return [text for name, level, text in self.lines if level >= logging.WARNING and name.startswith("tvm_lite")]


@dataclass
class Remote:
    """Runs searches with a remote member and remembers what could tell its key."""

    log: Log
    seen: list[str] = field(default_factory=list)

    def search(self, url: str, count: int = 8, answers: int = 0, **settings: Any) -> MemberStats:
        """Measure `count` toy programs, and more until there are so many answers; what the remote member did.

        How often it is asked hangs on how fast the machine is.
        """
        return self.pool(url, count, answers=answers, **settings).stats["remote"]

    def pool(self, url: str, count: int = 8, *more: MemberSettings, answers: int = 0, **settings: Any) -> Pool:
        given: dict[str, Any] = {"api_key_env": KEY_ENV, "timeout_s": 20.0, **settings}
        first = MemberSettings(name="remote", provider="openai", base_url=url, **given)
        members = [openai_api.member(one) for one in (first, *more)]
        pool = Pool([*members, Scripted("walker", walk)])
        search = Search(ToySpace(), pool, SearchConfig(), 7)
        measured = 0
        while measured < count or pool.stats["remote"].answers < answers:
            batch = measure_all(search, 4 if measured >= count else min(4, count - measured))
            assert batch, "the search ended early"
            measured += batch
            while search._land(wait=True):  # the walker is faster than any server and would find everything first
                pass
        search.close()
        self.seen += [repr(pool), repr(vars(pool)), *map(repr, members), *map(repr, (vars(m) for m in members))]
        self.seen += [json.dumps(stats.as_json()) for stats in pool.stats.values()]
        return pool


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Remote]:
    """A harness that, at the end of its test, looks for the key everywhere."""
    monkeypatch.setenv(KEY_ENV, KEY)
    root, log = logging.getLogger(), Log()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    found = Remote(log)
    yield found
    root.removeHandler(log)
    root.setLevel(level)
    out, err = capsys.readouterr()
    everything = [out, err, *found.seen, *(text for _, _, text in log.lines)]
    assert not [text for text in everything if KEY in text or "planted" in text]


def walk(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
    rng = seeds.rng(seed, "toy")
    return [Proposal((SetDecision(s.name, rng.choice(list(s.domain))),)) for s in rng.choices(view.sketch.sites, k=k)]
