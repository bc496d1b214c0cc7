"""The page in a real browser: a silent console, no network, keys, phones, and text that stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser
import pytest
from browser import Browser
from runs import HOSTILE, ToyRun, hostile, large, toy, toy_pool

from tvm_litecoop.journal.journal import Journal
from tvm_litecoop.report.data import collect
from tvm_litecoop.report.page import page

pytestmark = pytest.mark.skipif(browser.found() is None, reason="no chromium here: apt-get install chromium")

DESKTOP, PHONE = (1280, 900), (390, 844)
SELECTED = "document.querySelector('#nodes [aria-selected=true]')"
SPARES = "[document.documentElement.scrollWidth - innerWidth, document.body.scrollWidth - innerWidth]"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with Browser() as one:
        yield one


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 10,000 nodes."""
    folder = tmp_path_factory.mktemp("large")
    large(folder)
    return written(folder)


def written(folder: Path) -> Path:
    file = folder / "report.html"
    file.write_text(page(collect(folder)))
    return file


def opened(chromium: Browser, file: Path, size: tuple[int, int] = DESKTOP, **how: Any) -> Browser:
    """The page, which said nothing and asked for nothing but itself."""
    for notes in (chromium.errors, chromium.requests, chromium.dialogs):
        notes.clear()
    chromium.show(*size, phone=size == PHONE, **how)
    chromium.open(file)
    silent(chromium, file)
    return chromium


def silent(chromium: Browser, file: Path) -> None:
    assert not chromium.errors and not chromium.dialogs
    assert set(chromium.requests) == {file.resolve().as_uri()}


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("dark", [False, True])
def test_a_real_run(chromium: Browser, tuned: tuple[Path, dict[str, Any]], size: tuple[int, int], dark: bool) -> None:
    folder, outcome = tuned
    shown = opened(chromium, written(folder), size, dark=dark)
    assert shown.run(SPARES) == [0, 0]
    text = shown.run("document.body.innerText")
    best = f"{outcome['best_ms']:.4g} ms"
    assert best in text and "T.grid(64, 64, 64)" in text
    assert outcome["best_author"] in shown.run("document.getElementById('figures').innerText")
    back = shown.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, back[4:-1].split(","))) < 150) == dark
    assert shown.run("document.querySelectorAll('.chart svg').length") == 2


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_ten_thousand_nodes_make_few_elements(chromium: Browser, forest: Path, size: tuple[int, int]) -> None:
    shown = opened(chromium, forest, size)
    assert "10,00" in shown.run("document.getElementById('figures').innerText")
    assert 10 < shown.run("document.querySelectorAll('#nodes > *').length") < 500
    assert shown.run(f"{SELECTED}.innerText").startswith(("▶", "▼", "d")) and "best" in shown.run(
        f"{SELECTED}.innerText"
    )
    assert shown.run(SPARES) == [0, 0] and shown.run("scrollY") == 0


def test_the_tree_is_walked_with_keys(chromium: Browser, forest: Path) -> None:
    shown = opened(chromium, forest)
    shown.run(f"{SELECTED}.focus()")

    def now() -> tuple[int, int, str]:
        parts = ("node", "aria-level", "aria-expanded")
        names = [f"document.activeElement.{'dataset.node' if n == 'node' else f'getAttribute({n!r})'}" for n in parts]
        node, level, expanded = (shown.run(name) for name in names)
        assert shown.run(f"document.activeElement === {SELECTED}")
        assert f"Node {node}" in shown.run("document.getElementById('node').innerText")
        return int(node), int(level), expanded

    best, level, expanded = now()
    assert expanded == "false"
    shown.press("ArrowRight")
    assert now() == (best, level, "true")
    shown.press("ArrowRight")
    assert now()[1] == level + 1
    shown.press("ArrowLeft")
    if now()[0] != best:
        shown.press("ArrowLeft")
    shown.press("Enter")
    assert now() == (best, level, "false")
    shown.press("ArrowLeft")
    assert now()[1] == level - 1
    shown.press("Home")
    assert now()[:2] == (0, 1)
    shown.press("ArrowDown", "ArrowDown", "ArrowUp")
    assert now()[1] == 2
    shown.press("End")
    assert shown.run("document.activeElement.nextElementSibling") is None
    shown.run("document.getElementById('best').click()")
    assert shown.run(f"Number({SELECTED}.dataset.node)") == best
    silent(chromium, forest)


def test_nodes_are_found_and_filtered(chromium: Browser, forest: Path) -> None:
    shown = opened(chromium, forest)

    def choose(control: str, value: str) -> str:
        shown.run(
            f"{{ const one = document.getElementById('{control}'); one.value = '{value}'; "
            "one.dispatchEvent(new Event('change')); one.dispatchEvent(new Event('input')); }"
        )
        shown.run("new Promise((done) => setTimeout(done, 300))")
        return str(shown.run("document.getElementById('matches').textContent"))

    whole = len(collect(forest.parent)["tasks"][0]["tree"]["parent"])
    failed = choose("kind", "failed")
    assert failed.endswith(f"of {whole:,} nodes") and 300 < int(failed.split()[0].replace(",", "")) < 700
    assert "failed: RuntimeError" in shown.run("document.getElementById('node').innerText")
    first = shown.run(f"{SELECTED}.dataset.node")
    shown.run("document.getElementById('next').click()")
    assert int(shown.run(f"{SELECTED}.dataset.node")) > int(first)
    assert choose("by", "runner") != failed
    choose("by", "")
    choose("kind", "all")
    assert choose("find", "#4711").startswith("1 of") and shown.run(f"{SELECTED}.dataset.node") == "4711"
    assert choose("find", "no such thing").startswith("0 of")
    shown.run("document.getElementById('best').click()")  # which no such thing hides
    assert "best" in shown.run(f"{SELECTED}.innerText")
    assert shown.run("document.getElementById('matches').textContent") == ""
    silent(chromium, forest)


def test_hostile_text_stays_text(chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(tmp_path, monkeypatch)
    file = written(tmp_path)
    shown = opened(chromium, file)
    tree = collect(tmp_path)["tasks"][0]["tree"]
    reasons = [node for node, text in enumerate(tree["reason"]) if "onerror" in tree["texts"][text]]
    for node in (*reasons[:2], *map(int, list(tree["errors"])[:1]), *map(int, list(tree["refused"])[:3])):
        find = f"document.getElementById('find').value = '#{node} '; document.getElementById('find')"
        shown.run(f"{find}.dispatchEvent(new Event('input')); new Promise((done) => setTimeout(done, 250))")
        assert f"Node {node}" in shown.run("document.getElementById('node').innerText")
    assert reasons and tree["errors"] and tree["refused"]
    shown.run(
        f"document.getElementById('find').value = '#{reasons[0]} '; document.getElementById('find')"
        ".dispatchEvent(new Event('input')); new Promise((done) => setTimeout(done, 250))"
    )
    assert " ".join(HOSTILE.split())[:60] in shown.run("document.getElementById('node').textContent")
    assert "<i>remote</i>" in shown.run("document.getElementById('member-table').innerText")
    assert shown.run("document.querySelectorAll('img, b, i, u').length") == shown.run(
        "document.querySelectorAll('.meter i, .bar i, .swatch, .value b, #node li b').length"
    )
    assert shown.run("document.scripts.length") == 2
    silent(chromium, file)


def test_runs_that_are_short_of_something(chromium: Browser, tmp_path: Path) -> None:
    begun = ToyRun(Journal(tmp_path / "begun"), toy_pool())
    opened(chromium, written(tmp_path / "begun"))
    begun.grow(30)
    shown = opened(chromium, written(tmp_path / "begun"), PHONE)
    assert "not finished" in shown.run("document.getElementById('about').innerText")
    begun.end()
    toy(tmp_path / "begun")
    shown = opened(chromium, written(tmp_path / "begun"))
    assert "also holds run 1" in shown.run("document.getElementById('about').innerText")


def test_tasks_are_chosen(chromium: Browser, tmp_path: Path) -> None:
    journal, pool = Journal(tmp_path), toy_pool()
    runs = [ToyRun(journal, pool, f"{number} toy").grow(30 * number) for number in (1, 2)]
    for run in runs:
        run.end()
    shown = opened(chromium, written(tmp_path))
    assert "1 (TVM" in shown.run("document.getElementById('facts').innerText")
    shown.run("document.querySelectorAll('#tasks button')[1].click()")
    assert "2 (TVM" in shown.run("document.getElementById('facts').innerText")
    assert shown.run("document.getElementById('task').value") == "1"
    assert not chromium.errors
