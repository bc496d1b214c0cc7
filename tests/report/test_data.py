"""What the report says is what the journal, the search and `litecoop tune --json` say."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
from runs import ToyRun, toy, toy_pool

from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.journal import Journal
from tvm_litecoop.models.stats import MemberStats
from tvm_litecoop.report import lift
from tvm_litecoop.report.data import collect
from tvm_litecoop.report.tree import _short
from tvm_litecoop.report.words import Names, edit
from tvm_litecoop.search.tree import Tree
from tvm_litecoop.values import Built, Mutate, Program, Resample, SetDecision, SetSketch


def test_a_real_run_is_told_as_tune_told_it(tuned: tuple[Path, dict[str, Any]]) -> None:
    folder, outcome = tuned
    data = collect(folder)
    assert data["run"]["ended"] and data["run"]["number"] == 1 and not data["run"]["others"]
    (task,) = data["tasks"]
    assert task["trials"] == len(task["points"]) == 16 and task["failed"] == outcome["failed"]
    assert min(ms for _, _, ms in task["points"] if ms) == pytest.approx(outcome["best_ms"], rel=1e-4)
    tree = task["tree"]
    assert tree["texts"][tree["author"][task["best"]]] == outcome["best_author"]
    members = {one.pop("name"): one for one in data["members"]}
    for name, said in outcome["members"].items():
        assert {field: members[name][field] for field in said} == said
    assert task["title"] == "64x64 64x64 64x64" and not task["missing"]
    assert "T.grid(64, 64, 64)" in task["untuned"] and task["certificate"]["certified"] == outcome["certified"]
    assert ("certified" in task["which"]) == bool(task["tuned"])
    assert 0 < data["seconds"]["measuring"] <= data["seconds"]["total"] <= outcome["seconds"]["total"]


def test_the_tree_is_that_of_the_search(tmp_path: Path) -> None:
    search = toy(tmp_path)
    (task,) = collect(tmp_path)["tasks"]
    tree, nodes = task["tree"], search.tree.nodes
    texts = tree["texts"]
    assert tree["parent"] == [node.parent for node in nodes] and tree["visits"] == [node.visits for node in nodes]
    assert [texts[one] for one in tree["author"]] == [node.author for node in nodes]
    assert [texts[one] for one in tree["next"]] == [node.member for node in nodes]
    for node in nodes:
        assert [texts[one] for one in tree["edits"][node.id]] == [edit(one) for one in node.edits]
        if node.measured and node.throughput:
            assert tree["ms"][node.id] == pytest.approx(1e3 / node.throughput, rel=1e-3)
        else:
            assert tree["ms"][node.id] is None
        assert (str(node.id) in map(str, tree["errors"])) == bool(node.error)
    trials = {number: node for node, number in enumerate(tree["trial"]) if number}
    assert [trials[i + 1] for i in range(task["trials"])] == [node for node, _, _ in task["points"]]
    assert task["best"] == search.tree.best.id and tree["value"][task["best"]] == 1.0
    assert len(tree["handed"]) <= task["escalations"] == search.state.escalations
    assert task["missing"]  # a toy has no database


def test_a_run_that_goes_on_is_read_and_not_disturbed(tmp_path: Path) -> None:
    run = ToyRun(Journal(tmp_path), toy_pool()).grow(40)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    data = collect(tmp_path)
    assert not data["run"]["ended"] and data["tasks"][0]["trials"] == run.search.state.trials
    after = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    assert before == after
    run.grow(60).end()
    assert collect(tmp_path)["run"]["ended"]


def test_reading_leaves_nothing_behind(tmp_path: Path) -> None:
    toy(tmp_path)
    before = sorted(file.name for file in tmp_path.iterdir())
    collect(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == before


def test_the_newest_run_is_shown_and_the_others_by_number(tmp_path: Path) -> None:
    for nodes in (30, 60):
        toy(tmp_path, nodes)
    newest, first = collect(tmp_path), collect(tmp_path, 1)
    assert (newest["run"]["number"], first["run"]["number"]) == (2, 1)
    assert [number for number, _ in newest["run"]["others"]] == [1]
    eject = ["as Python", f"litecoop eject {tmp_path.name}"]
    assert newest["again"] == [["again, recorded", f"litecoop replay {tmp_path.name}"], eject]
    assert first["again"] == [eject]  # a replay takes the newest
    assert len(newest["tasks"][0]["tree"]["parent"]) > len(first["tasks"][0]["tree"]["parent"]) >= 30
    with pytest.raises(WorkDirError, match=r"has no run 9 \(it has runs 1, 2\)"):
        collect(tmp_path, 9)


def test_several_tasks_share_the_members(tmp_path: Path) -> None:
    journal, pool = Journal(tmp_path), toy_pool()
    runs = [ToyRun(journal, pool, f"{number} toy") for number in (1, 2)]
    for run in runs:
        run.grow(40)
    for run in runs:
        run.end()
    data = collect(tmp_path)
    assert [task["identity"] for task in data["tasks"]] == ["1 toy", "2 toy"]
    assert sum(one["trials"] for one in data["members"]) == sum(task["trials"] for task in data["tasks"])
    assert {one["name"]: one["calls"] for one in data["members"]} == {n: one.calls for n, one in pool.stats.items()}


def test_trials_stand_where_the_batch_of_their_own_task_was_back(tmp_path: Path) -> None:
    journal, pool = Journal(tmp_path), toy_pool()
    runs = [ToyRun(journal, pool, f"{number} toy") for number in (1, 2, 3)]
    chosen = []
    for run in runs:  # as TVM does: every task is asked before any is told
        chosen.append(run.search.ask(4))
        time.sleep(0.1)  # the hardware measures
    for run, batch in zip(runs, chosen, strict=True):
        run.tell(batch)
    times = [{at_s for _, at_s, _ in task["points"]} for task in collect(tmp_path)["tasks"]]
    assert all(len(at_s) == 1 for at_s in times)
    first, second, third = (at_s.pop() for at_s in times)
    assert first > 0.09 and second - first > 0.09 and third - second > 0.09


def test_a_run_that_has_just_begun_has_one_node(tmp_path: Path) -> None:
    ToyRun(Journal(tmp_path), toy_pool())
    (task,) = collect(tmp_path)["tasks"]
    assert task["tree"]["parent"] == [-1] and not task["points"] and task["best"] is None


def test_lift_is_the_difference_of_hit_rates_with_newcombes_interval() -> None:
    """Newcombe 1998, table II: 56/70 and 48/80 give 0.0524 to 0.3339."""
    free = [MemberStats(trials=40, hits=30), MemberStats(trials=40, hits=18)]
    found = lift.lift(MemberStats(trials=70, hits=56), free)
    assert found is not None
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert lift.lift(MemberStats(trials=7, hits=7), free) is None
    assert lift.lift(MemberStats(trials=70, hits=56), []) is None


def test_a_site_that_is_set_twice_is_named_by_what_is_left() -> None:
    tree = Tree(Built(Program(0, (0, 3, 5)), 1), "m")
    edits = (SetDecision("first", 3), SetDecision("first", 1), SetDecision("gone", 5), Mutate("m", 1))
    tree.add(tree.root, Built(Program(0, (1, 3, 5)), 2), "m", "m", edits[:2])
    tree.add(tree.root, Built(Program(0, (2, 3, 5)), 3), "m", "m", edits[2:])
    assert Names(tree).decisions(Program(0, (1, 3, 5))) == [
        "first = option 1",
        "decision 2 = option 3",
        "decision 3 = option 5",
    ]


def test_a_prediction_that_is_no_number_is_none() -> None:
    assert _short(math.nan) is None and _short(math.inf) is None and _short(0.12345) == 0.1235


def test_edits_in_words() -> None:
    assert edit(SetDecision("matmul.i", (8, 4))) == "matmul.i = 8 × 4"
    assert edit(SetDecision("unroll", 2)) == "unroll = option 2"
    assert [edit(SetDecision("pad.at", value)) for value in (-2, -1, 3)] == [
        "pad.at = inline",
        "pad.at = root",
        "pad.at = loop 3",
    ]
    assert (
        edit(SetSketch(1)) == "go on in design space 1" and edit(Mutate("MutateTileSize", 7)) == "random MutateTileSize"
    )
    assert edit(Resample(2, 7)) == "a fresh draw from design space 2"
