"""Journals for the report's tests: by real searches on the toy space, and by `litecoop tune`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.loopback import Loopback, answer, says
from toy import Scripted, ToySpace, toy_seconds
from tvm_litecoop import seeds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.journal import Journal, Subject
from tvm_litecoop.models import openai_api
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.search.loop import Search
from tvm_litecoop.search.tree import Node
from tvm_litecoop.values import Measurement, Proposal, Rejection, SetDecision
from tvm_litecoop.view import View

HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(2)</script> <b>bold</b> \u2028 &amp; {{7*7}}"
NAME = "<i>remote</i>"
KEY_ENV = "LITECOOP_TEST_KEY_9F3A"


def change(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
    """One digit drawn at random."""
    rng = seeds.rng(seed, "toy")
    sites = rng.choices(view.sketch.sites, k=k)
    return [Proposal((SetDecision(s.name, rng.choice(list(s.domain))),), reason="drawn") for s in sites]


def toy_pool() -> Pool:
    return Pool([Scripted("walker", change), Scripted("runner", change, params=7e9)])


class ToyRun:
    """A task of a run on the toy space, journal and all; run times are made up."""

    def __init__(self, journal: Journal, pool: Pool, name: str = "7c toy", *, digits: int = 5, base: int = 6) -> None:
        config = SearchConfig()
        facts = {"litecoop": "0.1.0", "TVM": "none", "design space": "toy", "settings": json.dumps(vars(config))}
        self.journal = journal
        self.book: Book = journal.begin(Subject(name, facts, pool.described(), 7), None)
        self.search = Search(ToySpace(digits, base), pool, config, self.book.seed, self.book.keep, self.book.past)

    def grow(self, nodes: int, batch: int = 16) -> ToyRun:
        """Measure until the tree has so many nodes; one program in twenty fails."""
        while len(self.search.tree) < nodes:
            self.tell(self.search.ask(batch))
        return self

    def tell(self, chosen: list[Node]) -> None:
        """Book made-up run times of a batch."""
        self.search.tell([measured(node.id, node.built.program.decisions) for node in chosen])

    def end(self) -> Search:
        self.search.close()
        self.journal.ended(self.book)
        return self.search


def measured(node: int, digits: tuple[object, ...]) -> Measurement:
    if node % 20 == 13:
        return Measurement(node, None, "RuntimeError: it did not build")
    seconds = 0.001 * (1 + sum(int(str(digit)) for digit in digits))
    return Measurement(node, seconds, "", (seconds, seconds * 1.1))


def toy(folder: Path, nodes: int = 60) -> Search:
    """A finished run of one task."""
    return ToyRun(Journal(folder), toy_pool()).grow(nodes).end()


def large(folder: Path, nodes: int = 10_000) -> Search:
    """A tree as large as they get."""
    return ToyRun(Journal(folder), toy_pool(), digits=9, base=7).grow(nodes).end()


def hostile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    """A run with a model whose answers would like to be a page, through a real server and the real journal."""
    monkeypatch.setenv(KEY_ENV, "sk-none")
    texts = [HOSTILE, answer([f"{HOSTILE}=1"], reason=HOSTILE)]
    texts += [answer([f"d{i % 3}={i // 3}"], reason=HOSTILE, next=HOSTILE) for i in range(6)]
    with Loopback(*map(says, texts)) as server:
        settings = MemberSettings(
            name=NAME, provider="openai", base_url=server.url, api_key_env=KEY_ENV, timeout_s=5.0, params=7e9
        )
        run = ToyRun(Journal(folder), Pool([openai_api.member(settings), Scripted("walker", change)]), "7c <u>toy</u>")
        for _ in range(200):
            nodes = run.search.ask(4)
            hit = [node.id for node in nodes if node.author == NAME][:1]
            run.search.tell([Measurement(n, None, HOSTILE) for n in hit])
            run.search.tell([Measurement(n.id, toy_seconds(n.built.program)) for n in nodes if n.id not in hit])
            if sum(node.author == NAME for node in run.search.tree.nodes) > 1:
                break
            run.search._land(wait=True)
        return run.end()
