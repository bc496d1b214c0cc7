"""The end of `litecoop tune`: the next best records challenge the first right one. Made-up times, real kernels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from plants import in_halves, matmul, plant

from tvm_litecoop.certify import records, table
from tvm_litecoop.certify.certificate import CERTIFIED, RIGHT, WRONG, TaskCertificate
from tvm_litecoop.certify.examiner import Examiner
from tvm_litecoop.certify.judge import Case
from tvm_litecoop.certify.verify import certify

SLOWER = 30.0
"""What records claim over what was measured, so that none is lucky where the machine has become slower since."""


@pytest.fixture
def one(one: Path) -> Path:
    file = one / "database_tuning_record.json"
    claims = [json.loads(line) for line in file.read_text().splitlines()]
    for _, (_, seconds, *_rest) in claims:
        seconds[:] = [SLOWER * measured for measured in seconds]
    file.write_text("".join(json.dumps(claim) + "\n" for claim in claims))
    return one


class Timed(Examiner):
    """An examiner in whose rematch the kernels take so many seconds."""

    def __init__(self, *times: float) -> None:
        super().__init__()
        self.times = times

    def rematch(self, case: Case, records: Sequence[str], untuned_s: float) -> list[float] | None:
        return list(self.times[: len(records)]) or None  # none: it failed


def _certified(directory: Path, *times: float) -> TaskCertificate:
    (task,) = records.read(str(directory)).tasks
    with Timed(*times) as examiner:
        return certify(task, examiner, lambda line: None, top=3, rematch=True)


def test_a_faster_one_that_is_right_wins_and_the_first_stays_right(one: Path) -> None:
    said = _certified(one, 2.0, 3.0, 1.0)
    best, _, third = (record.line for record in said.task.records[:3])
    assert [(verdict.record.line, verdict.status) for verdict in said.verdicts] == [(third, CERTIFIED), (best, RIGHT)]
    assert "slower when all were timed in turns" in table.how(str(one), [said])[-1]


@pytest.mark.parametrize("times", [(1.0, 2.0, 3.0), (1.0, 0.98, 2.0), ()])
def test_what_is_no_faster_or_cannot_be_timed_changes_nothing(one: Path, times: tuple[float, ...]) -> None:
    said = _certified(one, *times)
    assert [verdict.status for verdict in said.verdicts] == [CERTIFIED]
    assert said.winner is not None and said.winner.record == said.task.records[0]


def test_a_wrong_challenger_is_found_and_the_next_one_has_its_chance(one: Path) -> None:
    (task,) = records.read(str(one)).tasks
    plant(one, matmul(), in_halves, task.records[0].seconds * 1.000001)
    (task,) = records.read(str(one)).tasks
    best, wrong, third = task.records[:3]
    assert wrong.seconds < third.seconds
    said = _certified(one, 2.0, 1.0, 1.5)
    expected = [(wrong.line, WRONG), (third.line, CERTIFIED), (best.line, RIGHT)]
    assert [(verdict.record.line, verdict.status) for verdict in said.verdicts] == expected and said.harmful
