"""A run that was cut off, gone on with inside TVM: same tree, no record lost or doubled, every trial charged once."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import tvm_ffi
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop import LiteCoOpStrategy, ModelPool, SearchConfig
from tvm_litecoop.cli import main
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.journal import Journal, Subject
from tvm_litecoop.journal.lock import Lock
from tvm_litecoop.journal.record import read
from tvm_litecoop.journal.replay import replay
from tvm_litecoop.journal.store import FILE
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search.state import State
from tvm_litecoop.tuning import mend, workdir
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tvm_bridge import task
from tvm_litecoop.tvm_bridge.records import Records
from tvm_litecoop.workloads import parse

SPEC = "matmul:64x64x64"
RECORDS, WORKLOADS = "database_tuning_record.json", "database_workload.json"


@pytest.fixture(autouse=True)
def quiet_tvm() -> None:
    logging.getLogger("tvm.s_tir.meta_schedule").setLevel(logging.CRITICAL)


def free_pool() -> ModelPool:
    return ModelPool.built_in("expert", "mutator", "surrogate")


class Run:
    """One process's part of a run, by hand: measured times are made up, the database is TVM's own."""

    def __init__(self, folder: Path, spec: str = SPEC, trials: int = 24, strategy: Any = None, **settings: Any) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        pool, database = settings.pop("pool", None) or free_pool(), settings.pop("database", None)
        self.prepares = settings.pop("prepares", False)
        self.strategy = strategy or LiteCoOpStrategy(pool, seed=5, **settings)
        self.context = ms.TuneContext(
            parse(spec).mod,
            target=parse_target(None),
            space_generator="post-order-apply",
            search_strategy=strategy.clone() if strategy else self.strategy,
            task_name="main",
            rand_state=3,
            num_threads=2,
        )
        self.database = ms.database.JSONDatabase(work_dir=str(folder)) if database is None else database
        self.context.pre_tuning(trials, 8, self.context.generate_design_space(), self.database)
        self.search = self.strategy.searches[-1]

    def go(self, batches: int = 1000, *, keep: bool = True) -> Run:
        """Measure so many batches; `keep` is whether the database is told."""
        for _ in range(batches):
            candidates = self.context.generate_measure_candidates()
            if candidates is None:
                self.context.post_tuning()
                break
            if self.prepares:
                self.strategy.prepare()
            results = [ms.runner.RunnerResult(made_up(candidate), None) for candidate in candidates]
            self.context.notify_runner_results(candidates, results)
            for candidate, result in zip(candidates, results, strict=True) if keep else ():
                self.record(candidate, result.run_secs)
        return self

    def record(self, candidate: Any, run_secs: Any) -> None:
        workload = self.database.commit_workload(self.context.mod)
        record = ms.database.TuningRecord(
            candidate.sch.trace, workload, run_secs, self.context.target, candidate.args_info
        )
        self.database.commit_tuning_record(record)

    def die(self) -> None:
        """As a process that is killed: what was not written yet is lost."""
        for one in self.strategy._under_way:
            one.book._unwritten.clear()
        self.strategy.close()

    @property
    def shape(self) -> list[Any]:
        tree = self.search.tree
        return [(n.id, n.parent, n.author, n.member, n.visits, n.throughput, n.built) for n in tree.nodes]


def made_up(candidate: Any) -> list[float]:
    """Run times with the digits and the numbers of repeats of real ones; another program, another time."""
    draw = random.Random(int(tvm_ffi.structural_hash(candidate.sch.mod)))
    seconds, repeats = 1e-4 * draw.randrange(1, 98), draw.choice((3, 9))
    return [seconds * draw.uniform(0.99, 1.01) for _ in range(repeats)]


def lines(folder: Path) -> list[str]:
    return (folder / RECORDS).read_text().splitlines()


@pytest.mark.parametrize("spec", [SPEC, "attention:2x16x8"])
def test_a_resumed_run_ends_in_the_tree_of_one_in_one_go(tmp_path: Path, spec: str) -> None:
    whole = Run(tmp_path / "whole", spec).go()
    Run(tmp_path / "cut", spec).go(1).die()
    second = Run(tmp_path / "cut", spec)
    assert second.context.generate_measure_candidates() is not None  # chosen, and never measured
    second.die()
    cut = Run(tmp_path / "cut", spec).go()
    assert cut.shape == whole.shape and cut.search.carried[0] == 8
    stats = [{name: one.as_json() for name, one in run.strategy.pool.stats.items()} for run in (cut, whole)]
    assert stats[0] == stats[1]
    assert len(lines(tmp_path / "cut")) == len(set(lines(tmp_path / "cut"))) == 24
    assert Run(tmp_path / "cut", spec).search.state.trials == 0  # that run was finished: a new one begins


@pytest.mark.parametrize("how", ["closed", "left", "another pool in between"])
def test_what_goes_on_in_its_process_is_booked_once(tmp_path: Path, how: str) -> None:
    whole, pool = Run(tmp_path / "whole").go(), free_pool()
    pool.books.has_run(3600.0)  # it was made an hour ago
    first = Run(tmp_path / "cut", pool=pool).go(1)
    first.context.generate_measure_candidates()
    if how == "left":  # an exception has ended the run, and nobody told the strategy
        cut = Run(tmp_path / "cut", strategy=first.strategy).go()
    else:
        first.strategy.close()
        if how == "another pool in between":
            Run(tmp_path / "cut").go(1).strategy.close()
        cut = Run(tmp_path / "cut", pool=pool).go()
    assert cut.shape == whole.shape and cut.search.carried[0] >= 8
    stats = [{name: one.as_json() for name, one in run.strategy.pool.stats.items()} for run in (cut, whole)]
    assert stats[0] == stats[1]
    assert pool.books.elapsed_s < 600


def test_a_run_that_is_interrupted_while_a_member_thinks_goes_on_in_the_same_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Pool, *given: Any) -> Any:
        if sum(one.calls for one in self.books.stats.values()) > 9:
            raise KeyboardInterrupt
        return start(self, *given)

    start, whole = Pool.start, Run(tmp_path / "whole").go()
    cut = Run(tmp_path / "cut")
    monkeypatch.setattr(Pool, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cut.go()
    cut.strategy.close()
    monkeypatch.setattr(Pool, "start", start)
    assert cut.search.state.asked and 0 < cut.search.state.trials < 24
    assert Run(tmp_path / "cut").go().shape == whole.shape


def test_a_run_that_ended_before_its_first_batch_is_left_behind(tmp_path: Path) -> None:
    first = Run(tmp_path / "work")
    again = Run(tmp_path / "work", strategy=first.strategy).go()
    assert again.search.state.trials == 24
    [record] = read(tmp_path / "work")
    assert record.ended
    Lock(tmp_path / "work").release()


def test_records_that_the_disk_has_no_room_for_when_a_run_goes_on_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(self: Records, *given: Any) -> None:
        commit(self, *given)
        os.truncate(tmp_path / RECORDS, (tmp_path / RECORDS).stat().st_size - 20)

    commit = Records._commit
    Run(tmp_path).go(2, keep=False).die()
    monkeypatch.setattr(Records, "_commit", torn)
    with pytest.raises(WorkDirError, match="16 records could not be written"):
        Run(tmp_path)
    monkeypatch.setattr(Records, "_commit", commit)
    assert Run(tmp_path).go().search.state.trials == 24
    assert len(lines(tmp_path)) == len(set(lines(tmp_path))) == 24


def test_what_was_proposed_beside_a_build_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "KNOWN_BATCHES", 1)
    whole, plain = Run(tmp_path / "whole", prepares=True).go(), Run(tmp_path / "plain").go()
    first = [[one[-1] for one in run.shape[:17]] for run in (whole, plain)]  # the root and the first two batches
    assert whole.shape != plain.shape and first[0] == first[1]
    Run(tmp_path / "cut", prepares=True).go(1).die()
    second = Run(tmp_path / "cut")
    candidates = second.context.generate_measure_candidates()
    second.strategy.prepare()
    second.die()  # while they are timed
    third = Run(tmp_path / "cut")
    assert len(third.context.generate_measure_candidates()) == len(candidates) == 8
    third.strategy.prepare()
    for candidate in candidates:
        third.record(candidate, made_up(candidate))
    third.die()  # before the journal is told
    assert Run(tmp_path / "cut", prepares=True).go().shape == whole.shape
    again = replay(read(tmp_path / "cut")[-1])
    assert again.search.tree.nodes == whole.search.tree.nodes
    assert again.where_it_ends().endswith("every answer was recorded")


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Run(tmp_path / "whole").go()
    jumps = random.Random(4)
    monkeypatch.setattr(time, "time", lambda: jumps.uniform(-1e9, 4e9))
    Run(tmp_path / "cut").go(1).die()
    Run(tmp_path / "cut").go(1).die()
    assert Run(tmp_path / "cut").go().shape == whole.shape
    assert len(lines(tmp_path / "cut")) == len(set(lines(tmp_path / "cut"))) == 24


def test_several_tasks_of_one_run_are_gone_on_with_together(tmp_path: Path) -> None:
    specs = (SPEC, "softmax:16x32")

    def runs() -> list[Run]:
        strategy = LiteCoOpStrategy(free_pool(), seed=5)
        database = ms.database.JSONDatabase(work_dir=str(tmp_path))
        return [Run(tmp_path, spec, strategy=strategy, database=database) for spec in specs]

    first = runs()
    assert first[0].go(1).search.carried == (0, 0.0, 0.0)
    first[1].go()  # one task is finished, the other one is not
    first[0].die()
    again = runs()
    assert [run.search.carried[0] for run in again] == [8, first[1].search.state.trials]
    stats = again[0].strategy.pool.stats
    assert sum(one.trials for one in stats.values()) == 8 + first[1].search.state.trials
    for run in again:
        run.go()
    assert again[0].search.state.trials == 24 and len(lines(tmp_path)) == len(set(lines(tmp_path)))
    assert [run.search.carried[0] for run in runs()] == [0, 0]


def test_what_the_database_was_not_told_is_written_there(tmp_path: Path) -> None:
    Run(tmp_path).go(2, keep=False).die()  # killed between TVM's notify and its callback
    assert not (tmp_path / RECORDS).read_text()
    Run(tmp_path).go()
    assert len(lines(tmp_path)) == len(set(lines(tmp_path))) == 24


def test_what_was_rejected_is_not_written_again(tmp_path: Path) -> None:
    Run(tmp_path).go(1).die()
    first, *others = lines(tmp_path)
    (tmp_path / RECORDS).write_text("".join(f"{line}\n" for line in others))
    (tmp_path / "rejected.json").write_text(json.dumps({"reason": "wrong", "record": json.loads(first)}) + "\nx\n")
    assert Run(tmp_path).go(0).search.carried[0] == 8
    assert lines(tmp_path) == others


def test_what_was_rejected_is_not_proposed_by_a_later_run(tmp_path: Path) -> None:
    Run(tmp_path).go(1).die()
    first, second = map(json.loads, lines(tmp_path)[:2])
    for file in [tmp_path / RECORDS, *tmp_path.glob(f"{FILE}*")]:
        file.unlink()
    own = json.loads((tmp_path / WORKLOADS).read_text())[0]
    rejected = [{"workload": own, "record": first}, {"workload": "another one", "record": second}]
    (tmp_path / "rejected.json").write_text("".join(f"{json.dumps(entry)}\n" for entry in rejected))
    Run(tmp_path).go(1).die()  # by the same seed
    traces = [json.loads(line)[1][0] for line in lines(tmp_path)]
    assert len(traces) == 8 and first[1][0] not in traces and second[1][0] in traces


def test_what_the_journal_was_not_told_is_taken_over_and_charged(tmp_path: Path) -> None:
    first = Run(tmp_path).go(1)
    candidates = first.context.generate_measure_candidates()
    first.record(candidates[0], [0.001])
    first.record(candidates[1], [1e10])  # failed
    first.die()
    resumed = Run(tmp_path)
    assert resumed.search.carried[0] == 10
    assert len(resumed.context.generate_measure_candidates()) == 6
    resumed.die()
    Run(tmp_path).go()
    assert len(lines(tmp_path)) == len(set(lines(tmp_path))) == 24


def test_records_without_a_journal_are_adopted(tmp_path: Path) -> None:
    Run(tmp_path).go(2).die()
    (tmp_path / FILE).unlink()
    adopted = Run(tmp_path)
    assert adopted.search.carried[0] == 0
    assert {node.author for node in adopted.search.tree.nodes[1:]} == {"database"}


def test_other_settings_start_a_new_tree_from_the_records(tmp_path: Path) -> None:
    Run(tmp_path).go(2).die()
    other = Run(tmp_path, config=SearchConfig(c=1.0))
    assert other.search.carried[0] == 0 and other.search.tree.nodes[1].author == "database"


def test_another_pool_goes_on_with_the_tree(tmp_path: Path) -> None:
    Run(tmp_path).go(2).die()
    other = Run(tmp_path, pool=ModelPool.built_in("mutator")).go()
    assert other.search.carried[0] == 16 and other.search.state.trials == 24
    assert other.search.tree.nodes[-1].author == "mutator"
    (record,) = read(tmp_path)
    assert json.loads(record.facts["pool"])["members"] == {"mutator": 1.0}
    assert record.params.keys() == {"mutator", *free_pool().members}  # those of before have answers in it


def test_no_journal_where_none_is_wanted_and_one_elsewhere(tmp_path: Path) -> None:
    Run(tmp_path / "a", journal=None).go()
    assert not (tmp_path / "a" / FILE).exists()
    Run(tmp_path / "b", journal=tmp_path / "c").go()
    assert not (tmp_path / "b" / FILE).exists() and (tmp_path / "c" / FILE).exists()


@pytest.mark.parametrize("spec", ["matmul:512x512x512", "attention:8x128x64"])
def test_a_node_takes_at_most_400_bytes(tmp_path: Path, spec: str) -> None:
    runs = [Run(tmp_path / str(trials), spec, trials=trials, pool=None).go() for trials in (8, 72)]
    few, many = ((run.folder / FILE).stat().st_size for run in runs)  # what a journal takes at all is in both
    nodes = [len(run.search.tree) for run in runs]
    assert (many - few) / (nodes[1] - nodes[0]) <= 400


def test_a_replay_is_the_same_search_and_says_where_the_record_ends(tmp_path: Path) -> None:
    Run(tmp_path).go(2).die()
    Run(tmp_path).go()
    [record] = read(tmp_path)
    again = replay(record)
    best = max(node.throughput or 0.0 for node in again.search.tree.nodes)
    recorded = State.of(record.events, record.config).tree.nodes
    assert [(n.parent, n.built) for n in again.search.tree.nodes] == [(n.parent, n.built) for n in recorded]
    assert again.recorded.trials == 24 and again.curve[-1][1] == 1 / best
    assert again.where_it_ends() == "the record ends after 24 of its 24 trials; every answer was recorded"
    other = replay(record, SearchConfig.paper())
    assert 0 < other.recorded.trials <= 24 and "it is an approximation" in other.where_it_ends()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("database")
    Run(folder, "softmax:16x32", journal=None).go()
    Run(folder, SPEC, journal=None).go()
    return folder


def test_a_torn_last_line_is_cut_off(tmp_path: Path, database: Path) -> None:
    whole = (database / RECORDS).read_bytes()
    shutil.copy(database / WORKLOADS, tmp_path)
    (tmp_path / RECORDS).write_bytes(whole[:-700])
    assert len(workdir.open_database(str(tmp_path), fresh=False).get_all_tuning_records()) == whole.count(b"\n") - 1
    assert (tmp_path / RECORDS).read_bytes() == whole[: (tmp_path / RECORDS).stat().st_size]
    (tmp_path / RECORDS).write_bytes(whole[:-1])  # all but the line's end
    assert len(workdir.open_database(str(tmp_path), fresh=False).get_all_tuning_records()) == whole.count(b"\n")
    assert (tmp_path / RECORDS).read_bytes() == whole


def test_a_broken_workload_takes_its_own_records_with_it_and_no_others(tmp_path: Path, database: Path) -> None:
    first, second = (database / WORKLOADS).read_bytes().splitlines(keepends=True)
    (tmp_path / WORKLOADS).write_bytes(first[:100] + b"\n" + second)
    shutil.copy(database / RECORDS, tmp_path)
    mine = [line for line in lines(database) if line.startswith("[1,")]
    opened = workdir.open_database(str(tmp_path), fresh=False)
    assert len(opened.get_all_tuning_records()) == len(mine) == 24
    assert opened.has_workload(parse(SPEC).mod)
    assert len((tmp_path / f"{RECORDS}.broken").read_text().splitlines()) == len(lines(database)) - 24
    assert len(mend.open_database(tmp_path).get_all_tuning_records()) == 24


def test_corrupted_copies_of_a_database(tmp_path: Path, database: Path) -> None:
    """None crashes; every record whose line was not touched is used, as long as its workload can be read."""
    rng = random.Random(3)
    for number in range(int(os.environ.get("LITECOOP_COPIES", "60"))):
        folder = tmp_path / str(number)
        shutil.copytree(database, folder)
        file = folder / (RECORDS if number % 6 else WORKLOADS)
        data = bytearray(file.read_bytes())
        for _ in range(rng.choice([1, 1, 5])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        data = data[: rng.choice([len(data), rng.randrange(len(data))])]
        file.write_bytes(rng.choice([bytes(data)] * 8 + [b"\0\xff foreign", b"[]\n{}\n"]))
        before = set((database / RECORDS).read_bytes().splitlines())
        untouched = [line for line in (folder / RECORDS).read_bytes().splitlines() if line in before]
        opened = mend.open_database(folder)
        if file.name == RECORDS:
            assert len(opened.get_all_tuning_records()) >= len(untouched)
        kept = sum(len((folder / f"{RECORDS}{end}").read_bytes().splitlines()) for end in ("", ".broken")
                   if (folder / f"{RECORDS}{end}").exists())  # fmt: skip
        assert kept >= len(untouched)
        shutil.rmtree(folder)


@pytest.mark.parametrize("place", ["decisions", "Split"])
def test_a_factor_of_zero_is_no_record(tmp_path: Path, database: Path, place: str) -> None:
    """TVM divides by it."""
    shutil.copy(database / WORKLOADS, tmp_path)
    whole = (database / RECORDS).read_text().splitlines()
    number, found = json.loads(whole[-1])
    insts, decisions = found[0]
    if place == "decisions":
        next(one for one in decisions if isinstance(one[1], list))[1][0] = 0
    else:
        next(inst for inst in insts if inst[0] == "Split")[1][1] = 0
    (tmp_path / RECORDS).write_text("\n".join([*whole[:-1], json.dumps([number, found])]) + "\n")
    assert len(mend.open_database(tmp_path).get_all_tuning_records()) == len(whole) - 1
    assert len((tmp_path / f"{RECORDS}.broken").read_text().splitlines()) == 1


def test_what_tvm_may_leave_out_of_a_record_is_no_fault(tmp_path: Path, database: Path) -> None:
    shutil.copy(database / WORKLOADS, tmp_path)
    whole = lines(database)
    number, (trace, seconds, target, _) = json.loads(whole[0])
    for record in ([trace, seconds, target, None], [trace, None, None, None]):
        (tmp_path / RECORDS).write_text("\n".join([*whole, json.dumps([number, record])]) + "\n")
        assert len(mend.open_database(tmp_path).get_all_tuning_records()) == len(whole) + 1
        assert not (tmp_path / f"{RECORDS}.broken").exists()


def test_fresh_sets_the_journal_aside_too_and_all_of_a_run_under_one_number(tmp_path: Path) -> None:
    Run(tmp_path).go(1).die()
    workdir.open_database(str(tmp_path), fresh=True)
    assert (tmp_path / f"{FILE}.1").exists() and not (tmp_path / FILE).exists()
    (tmp_path / "certificate.json").write_text("{}")
    workdir.open_database(str(tmp_path), fresh=True)
    assert (tmp_path / "certificate.json.2").exists() and (tmp_path / f"{WORKLOADS}.2").exists()


def test_replay_of_a_run_that_has_not_begun_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(tmp_path)
    journal.begin(Subject("a task", {"settings": "{}"}, '{"members": {}}', 1), None)
    journal.close()
    assert main(["replay", str(tmp_path)]) == 2
    assert "has not begun to search" in capsys.readouterr().err
