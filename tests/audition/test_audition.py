"""Recorded states: real programs, asked about and judged without building or running anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from toy import Scripted
from tvm_litecoop.audition import stage, states, table
from tvm_litecoop.audition.check import round_trips
from tvm_litecoop.cli import main
from tvm_litecoop.models.base import Fault, Usage
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.mutator import Mutator
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.values import Proposal, Rejection, SetDecision, Why
from tvm_litecoop.view import View


def test_every_recorded_program_still_replays() -> None:
    for task in states.load():
        theatre = states.Theatre(task)
        built = [theatre.space.rebuilt(program) for program, _ in task.programs]
        assert not [one for one in built if isinstance(one, Rejection)], task.workload
        assert len(task.programs) >= 50


def test_an_audition_tells_useful_from_useless() -> None:
    def nonsense(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        return [Rejection(Why.MALFORMED, "no JSON object"), Proposal((SetDecision("nothing", 1),))]

    pool = Pool([Expert(), Mutator(), Scripted("babbler", nonsense, params=1e9, background=True)])
    said: list[str] = []
    scores = stage.audition(pool, 6, 1, said.append)
    expert, _, babbler = scores
    assert len(said) == len(states.load()) and expert.calls == babbler.calls == 6
    assert expert.proposals == expert.valid == 24 and expert.new > 12 and expert.useful > 0
    assert (babbler.proposals, babbler.valid, babbler.useful) == (12, 0, 0)
    words = table.suggestion(scores)
    assert words.startswith("suggested pool: expert, mutator") and "left out: babbler" in words
    assert stage.audition(Pool([Expert()]), 6, 1, said.append)[0].valid == expert.valid


def test_a_round_trip() -> None:
    (found,) = round_trips([Expert()])
    assert found.fault == "" and found.in_form == (2, 2)
    refused, silent = [Rejection(Why.MALFORMED, "no JSON object")], list[Proposal | Rejection]()
    members = [Scripted(name, lambda view, k, seed, says=says: says) for name, says in (("a", refused), ("b", silent))]
    assert [one.fault for one in round_trips(members)] == [
        "nothing in form: malformed: no JSON object",
        "no alternatives",
    ]


def test_pool_show_and_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    file = tmp_path / "pool.toml"
    file.write_text(
        '[[member]]\nname = "expert"\nprovider = "expert"\n'
        '[[member]]\nname = "far"\nprovider = "openai"\nparams = 7e9\nusd_per_mtok_in = 0\nusd_per_mtok_out = 2\n'
        'base_url = "http://127.0.0.1:9/v1"\napi_key_env = "NO_SUCH_KEY"\n[budget]\nusd = 3.5\n'
    )
    assert main(["pool", "show", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "7e+09" in shown and "NO_SUCH_KEY is NOT set" in shown and "budget: $3.50" in shown
    assert main(["pool", "check", str(file)]) == 1
    checked = capsys.readouterr().out
    assert "missing key" in checked and "2 of 2" in checked


def test_a_missing_pool_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pool", "show", "nowhere.toml"]) == 2
    assert capsys.readouterr().err.startswith("litecoop: nowhere.toml: No such file")


def test_a_server_that_does_not_answer_is_asked_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(stage.time, "sleep", slept.append)
    score = stage.Score("far", free=False)
    for _ in range(stage.PATIENCE):
        assert not score.fault
        score.add_usage(Usage())
        score.add_fault(Fault("rate limit", "later", retry_after_s=600.0))
    assert score.fault == "rate limit: later" and slept == [stage.LONGEST_S] * (stage.PATIENCE - 1)


def test_one_lucky_answer_among_faults_keeps_nobody() -> None:
    score = stage.Score("far", free=False, calls=20, proposals=1, valid=1, new=1, useful=1, faults=19)
    assert "left out: far" in table.suggestion([score])
    score.faults = 5
    assert "left out" not in table.suggestion([score])


@pytest.mark.parametrize(("option", "value"), [("--states", "0"), ("--seed", "-1")])
def test_an_audition_of_nothing_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pool", "audition", option, value]) == 2
    assert capsys.readouterr().err.startswith(f"litecoop: {option} is {value}")
