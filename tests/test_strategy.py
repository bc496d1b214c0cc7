"""`LiteCoOpStrategy` inside TVM: tune_tir, tune_tasks, tune_relax, a bare TuneContext; faults of every kind."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
import tvm_ffi
from tvm import te
from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from toy import Scripted
from tvm_litecoop import LiteCoOpStrategy, SearchConfig
from tvm_litecoop.errors import SearchError
from tvm_litecoop.journal.lock import Lock
from tvm_litecoop.journal.record import read
from tvm_litecoop.journal.replay import replay
from tvm_litecoop.measure import AdaptiveRunner, WarmBuilder, export_shared
from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.models.budget import Limits
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.providers import FREE
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tvm_bridge import task
from tvm_litecoop.workloads import parse

SPEC = "matmul:64x64x64"


@pytest.fixture(scope="module")
def tools() -> Any:
    load_tensor_intrinsics()
    builder, runner = WarmBuilder(max_workers=2, f_export=export_shared), AdaptiveRunner(min_repeat_ms=5)
    yield {"builder": builder, "runner": runner}
    builder.close()
    runner.close()


@pytest.fixture(autouse=True)
def quiet_tvm() -> None:
    logging.getLogger("tvm.s_tir.meta_schedule").setLevel(logging.CRITICAL)


def context(spec: str = SPEC, strategy: Any = None, **more: Any) -> Any:
    return ms.TuneContext(
        parse(spec).mod,
        target=parse_target(None),
        space_generator=more.pop("space", "post-order-apply"),
        search_strategy=strategy or LiteCoOpStrategy(),
        task_name="main",
        rand_state=3,
        num_threads=2,
    )


def results_of(candidates: Any, seconds: float = 0.001) -> list[Any]:
    return [ms.runner.RunnerResult([seconds * (1 + i)], None) for i in range(len(candidates))]


def run_kernel(module: Any, spec: str) -> None:
    workload = parse(spec)
    inputs = workload.inputs(0)
    shape, dtype = workload.arg_shapes()[-1]
    args = [tvm.runtime.tensor(a) for a in (*inputs, np.zeros(shape, dtype))]
    tvm.compile(module, target=parse_target(None))["main"](*args)
    assert workload.reference is not None
    np.testing.assert_allclose(args[-1].numpy(), workload.reference(inputs), rtol=1e-4, atol=workload.atol)


def test_tune_tir_as_in_tvms_tutorial(tmp_path: Path, tools: Any) -> None:
    mod = parse(SPEC).mod
    database = ms.tune_tir(
        mod,
        parse_target(None),
        str(tmp_path),
        max_trials_global=12,
        num_trials_per_iter=4,
        strategy=LiteCoOpStrategy(),
        seed=1,
        **tools,
    )
    assert len((tmp_path / "database_tuning_record.json").read_text().splitlines()) == 12
    schedule = ms.tir_integration.compile_tir(database, mod, parse_target(None))
    run_kernel(schedule.mod, SPEC)


def test_a_builder_may_let_the_next_batch_be_proposed_meanwhile(
    tmp_path: Path, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "KNOWN_BATCHES", 1)
    strategy = LiteCoOpStrategy(Pool.built_in(*FREE))
    builder = WarmBuilder(max_workers=1, f_export=export_shared, meanwhile=strategy.prepare)
    ms.tune_tir(
        parse(SPEC).mod,
        parse_target(None),
        str(tmp_path),
        max_trials_global=16,
        num_trials_per_iter=4,
        strategy=strategy,
        seed=1,
        builder=builder,
        runner=tools["runner"],
    )
    builder.close()
    assert len((tmp_path / "database_tuning_record.json").read_text().splitlines()) == 16
    [record] = read(tmp_path)
    again = replay(record)
    assert [steps > 0 for steps in again.recorded.prepared] == [False, True, True, False]
    assert again.search.tree.nodes == strategy.searches[0].tree.nodes


def test_nothing_is_proposed_for_a_run_that_has_ended() -> None:
    strategy = LiteCoOpStrategy(Pool.built_in(*FREE))
    one = context(SPEC, strategy)
    one.pre_tuning(1000, 2, one.generate_design_space())
    nodes = []
    for _ in range(task.KNOWN_BATCHES + 2):
        candidates = one.generate_measure_candidates()
        nodes.append(len(strategy.searches[0].tree))
        strategy.prepare()
        nodes.append(len(strategy.searches[0].tree))
        one.notify_runner_results(candidates, results_of(candidates))
    assert nodes[-1] > nodes[-2] and nodes[1] == nodes[0]
    assert one.generate_measure_candidates() is not None
    strategy.close()
    nodes = [len(strategy.searches[0].tree)]
    strategy.prepare()
    assert nodes == [len(strategy.searches[0].tree)]


def test_a_second_run_starts_from_what_the_database_holds(tmp_path: Path, tools: Any) -> None:
    mod, target = parse(SPEC).mod, parse_target(None)
    for round_ in (1, 2):
        strategy = LiteCoOpStrategy()
        ms.tune_tir(
            mod, target, str(tmp_path), max_trials_global=8, num_trials_per_iter=4, strategy=strategy, seed=1, **tools
        )
        adopted = [node for node in strategy.searches[0].tree.nodes if node.author == "database"]
        assert len(adopted) == 8 * (round_ - 1)
    records = (tmp_path / "database_tuning_record.json").read_text().splitlines()
    assert len(records) == 16
    keys = {node.built.key for node in strategy.searches[0].tree.nodes}
    assert len(keys) == len(strategy.searches[0].tree.nodes)


def test_several_tasks_have_their_own_trees_and_share_the_pool(tmp_path: Path, tools: Any) -> None:
    strategy = LiteCoOpStrategy()
    specs = ("matmul:32x32x32", "softmax:16x32", "add:32x32")
    tasks = [context(spec, strategy).clone() for spec in specs]
    ms.tune_tasks(
        tasks=tasks,
        task_weights=[1.0, 1.0, 1.0],
        work_dir=str(tmp_path),
        max_trials_global=14,
        num_trials_per_iter=4,
        cost_model="random",
        **tools,
    )
    trials = [sum(n.measured for n in search.tree.nodes) for search in strategy.searches]
    assert len(strategy.searches) == 3 and min(trials) >= 1
    assert trials[2] == 1  # elementwise: nothing to decide, one program
    booked = sum(stats.trials for stats in strategy.pool.stats.values())
    roots = sum(search.tree.root.measured for search in strategy.searches)
    assert booked == sum(trials) - roots


def test_tune_relax_takes_the_strategy(tmp_path: Path, tools: Any) -> None:
    from tvm import relax
    from tvm.relax.frontend import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(32, 64, bias=False)

        def forward(self, x: Any) -> Any:
            return nn.op.relu(self.layer(x))

    mod, _ = Net().export_tvm(spec={"forward": {"x": nn.spec.Tensor((16, 32), "float32")}})
    target = parse_target(None)
    with target:
        mod = relax.get_pipeline("zero")(mod)
    strategy = LiteCoOpStrategy()
    database = ms.relax_integration.tune_relax(
        mod,
        {},
        target,
        str(tmp_path),
        max_trials_global=8,
        num_trials_per_iter=4,
        strategy=strategy,
        seed=1,
        **tools,
    )
    assert strategy.searches and len(database.get_all_tuning_records()) >= 4


def test_a_bare_context_without_database_or_cost_model() -> None:
    strategy = LiteCoOpStrategy()
    bare = context(strategy=strategy)
    bare.pre_tuning(max_trials=10, num_trials_per_iter=4, design_spaces=bare.generate_design_space())
    total = 0
    while (candidates := bare.generate_measure_candidates()) is not None:
        assert 1 <= len(candidates) <= 4
        total += len(candidates)
        bare.notify_runner_results(candidates, results_of(candidates))
    bare.post_tuning()
    assert total == 10


def test_what_calls_of_a_run_that_was_ended_are_held_for_is_free_in_the_next() -> None:
    """Without a journal, and whatever the database of the next run is."""
    dear = Scripted("dear", lambda view, k, seed: [], background=True, seconds=5.0)
    strategy = LiteCoOpStrategy(Pool([Expert(), dear], Limits(calls=8)))
    for database in (None, ms.database.MemoryDatabase()):
        first, idle = context(strategy=strategy.clone()), context("softmax:8x64", strategy=strategy.clone())
        for one in (first, idle):
            one.pre_tuning(32, 8, one.generate_design_space(), database)
        assert first.generate_measure_candidates() is not None
        assert strategy.pool.budget.left() != "8 calls"
        following = context(strategy=strategy.clone())
        following.pre_tuning(32, 8, following.generate_design_space(), database)
        assert strategy.pool.budget.left() == "8 calls"
    strategy.close()


def test_a_finished_task_leaves_nothing_behind() -> None:
    strategy = LiteCoOpStrategy()
    bare = context(strategy=strategy)
    bare.pre_tuning(4, 4, bare.generate_design_space(), cost_model=ms.cost_model.RandomModel())
    assert bare.generate_measure_candidates() is not None
    bare.post_tuning()
    gone = weakref.ref(strategy)
    del strategy, bare
    gc.collect()
    assert gone() is None


def test_a_run_that_ends_in_the_middle_leaves_no_threads() -> None:
    before = set(threading.enumerate())
    strategy = LiteCoOpStrategy()
    bare = context(strategy=strategy)
    bare.pre_tuning(8, 4, bare.generate_design_space())
    assert bare.generate_measure_candidates() is not None

    def left() -> list[str]:
        return [t.name for t in set(threading.enumerate()) - before if t.name.startswith("litecoop-replay")]

    assert left()
    strategy.close()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and left():
        time.sleep(0.01)
    assert not left()


def test_records_of_another_target_are_left_alone() -> None:
    database = ms.database.MemoryDatabase()
    first = context()
    first.pre_tuning(4, 4, first.generate_design_space(), database)
    candidates = first.generate_measure_candidates()
    workload = database.commit_workload(first.mod)
    other = parse_target("llvm -mcpu=znver4 -num-cores=8")
    for target, candidate in zip((first.target, other), candidates, strict=False):
        record = ms.database.TuningRecord(candidate.sch.trace, workload, [0.001], target, candidate.args_info)
        database.commit_tuning_record(record)
    strategy = LiteCoOpStrategy()
    second = context(strategy=strategy)
    second.pre_tuning(4, 4, second.generate_design_space(), database)
    assert sum(node.measured for node in strategy.searches[0].tree.nodes) == 1


def test_methods_out_of_order_say_what_to_call_first() -> None:
    bare = context()
    with pytest.raises(SearchError, match="generate_measure_candidates before pre_tuning"):
        bare.generate_measure_candidates()
    with pytest.raises(SearchError, match="post_tuning before pre_tuning"):
        bare.post_tuning()
    spaces = bare.generate_design_space()
    bare.pre_tuning(4, 4, spaces)
    with pytest.raises(SearchError, match="pre_tuning twice"):
        bare.pre_tuning(4, 4, spaces)
    bare.post_tuning()
    bare.pre_tuning(4, 4, spaces)
    bare.post_tuning()


def test_elementwise_ends_after_its_one_program() -> None:
    bare = context("add:16x16")
    bare.pre_tuning(64, 16, bare.generate_design_space())
    candidates = bare.generate_measure_candidates()
    assert len(candidates) == 1
    bare.notify_runner_results(candidates, results_of(candidates))
    assert bare.generate_measure_candidates() is None


@derived_object
class Refuses(ms.postproc.PyPostproc):
    def _initialize_with_tune_context(self, context: Any) -> None:
        pass

    def apply(self, sch: Any) -> bool:
        return False

    def clone(self) -> Any:
        return Refuses()


def test_a_postproc_that_always_refuses_is_one_clear_line() -> None:
    space = ms.space_generator.PostOrderApply(sch_rules="from-target", postprocs=[Refuses()], mutator_probs={})
    strategy = LiteCoOpStrategy()
    bare = context(space=space, strategy=strategy)
    bare.pre_tuning(64, 16, bare.generate_design_space())
    assert bare.generate_measure_candidates() is None and not strategy.searches
    bare.post_tuning()
    [error] = strategy.refused
    assert str(error).startswith("no program of this design space can be built: postproc refused")


def test_a_task_that_cannot_be_tuned_ends_and_the_others_go_on(tmp_path: Path, tools: Any) -> None:
    rows, plain = te.placeholder((te.var("n"), 16), name="rows"), parse("matmul:16x16x16").mod["main"]
    symbolic = te.create_prim_func([rows, te.compute(rows.shape, lambda i, j: rows[i, j] + 1.0)])
    mod = tvm.IRModule({"symbolic": symbolic.with_attr("global_symbol", "symbolic"), "main": plain})
    strategy = LiteCoOpStrategy()
    target = parse_target(None)
    database = ms.tune_tir(mod, target, str(tmp_path), 8, num_trials_per_iter=4, strategy=strategy, **tools)
    assert len(database) == 8 and len(strategy.searches) == 1
    assert "a shape that only the run tells" in str(strategy.refused[0])


@derived_object
class Ends(ms.measure_callback.PyMeasureCallback):
    """Ctrl-C in a notebook, in the middle of the second batch."""

    batches = 0

    def apply(self, *_: Any) -> None:
        self.batches += 1
        if self.batches == 2:
            raise KeyboardInterrupt


def test_a_strategy_whose_run_was_ended_by_an_exception_is_used_again(tmp_path: Path, tools: Any) -> None:
    strategy = LiteCoOpStrategy()

    def tune(name: str, **more: Any) -> int:
        given = {"num_trials_per_iter": 4, "strategy": strategy, **tools, **more}
        ms.tune_tir(parse(SPEC).mod, parse_target(None), str(tmp_path / name), 16, **given)
        return len((tmp_path / name / "database_tuning_record.json").read_text().splitlines())

    with pytest.raises(KeyboardInterrupt):
        tune("one", measure_callbacks=[ms.measure_callback.AddToDatabase(), Ends()])
    assert tune("other") == 16 and (tmp_path / "other" / "litecoop.sqlite").exists()
    assert tune("one") == 16  # gone on with
    with pytest.raises(KeyboardInterrupt):
        tune("three", measure_callbacks=[ms.measure_callback.AddToDatabase(), Ends()])
    functions = {"before": parse("matmul:32x32x32").mod["main"], "main": parse(SPEC).mod["main"]}
    both = tvm.IRModule({name: func.with_attr("global_symbol", name) for name, func in functions.items()})
    given = {"num_trials_per_iter": 4, "strategy": strategy, **tools}
    ms.tune_tir(both, parse_target(None), str(tmp_path / "three"), 24, **given)
    strategy.close()
    Lock(tmp_path / "three").release()


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("LocalBuilder: An exception occurred\nTraceback:\n  here\nboom\n", "LocalBuilder: boom"),
        ("LocalRunner: Timeout, killed", "LocalRunner: Timeout, killed"),
    ],
)
def test_failed_candidates_are_charged_and_never_proposed_again(failure: str, said: str) -> None:
    strategy = LiteCoOpStrategy()
    bare = context("softmax:8x16", strategy=strategy)
    bare.pre_tuning(40, 8, bare.generate_design_space())
    seen: list[int] = []
    while (candidates := bare.generate_measure_candidates()) is not None:
        seen += [int(tvm_ffi.structural_hash(c.sch.mod)) for c in candidates]
        failed = [ms.runner.RunnerResult(None, failure) for _ in candidates]
        bare.notify_runner_results(candidates, failed)
    assert len(seen) == len(set(seen)) and len(seen) <= 40
    nodes = [n for n in strategy.searches[0].tree.nodes if n.measured]
    assert len(nodes) == len(seen)
    assert {n.error for n in nodes} == {said}
    bare.post_tuning()


def test_a_batch_of_which_everything_fails_is_told_once() -> None:
    said: list[str] = []
    handler = logging.Handler()
    handler.name = "litecoop-test"  # TVM's logging cannot bear one without
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(task.__name__)
    logger.addHandler(handler)
    try:
        bare = context("matmul:32x32x32", strategy=LiteCoOpStrategy())
        bare.pre_tuning(32, 8, bare.generate_design_space())
        for full in (True, True, False, True):
            candidates = bare.generate_measure_candidates()
            failed = ms.runner.RunnerResult(None, "LocalBuilder: An exception occurred\nNo space left on device")
            bare.notify_runner_results(candidates, [failed] * 8 if full else results_of(candidates))
        bare.post_tuning()
    finally:
        logger.removeHandler(handler)
    assert said == ["main: all 8 programs of a batch failed, the first of: LocalBuilder: No space left on device"] * 2


def crashing_build(mod: Any, target: Any, params: Any) -> Any:
    """Kills the worker for every other candidate."""
    import os

    from tvm_litecoop.measure.builder import build_module

    if int(tvm_ffi.structural_hash(mod)) % 2:
        os._exit(1)
    return build_module(mod, target, params)


def test_a_crashing_worker_costs_its_candidate_alone(tmp_path: Path, tools: Any) -> None:
    builder = WarmBuilder(max_workers=2, f_build=crashing_build, f_export=export_shared)
    try:
        strategy = LiteCoOpStrategy()
        database = ms.tune_tir(
            parse(SPEC).mod,
            parse_target(None),
            str(tmp_path),
            max_trials_global=12,
            num_trials_per_iter=6,
            strategy=strategy,
            seed=2,
            builder=builder,
            runner=tools["runner"],
        )
    finally:
        builder.close()
    measured = [n for n in strategy.searches[0].tree.nodes if n.measured]
    failed = [n for n in measured if n.error]
    assert len(measured) == 12 and 1 <= len(failed) <= 11
    assert len([r for r in database.get_all_tuning_records() if r.run_secs and float(r.run_secs[0]) < 1e9]) == 12 - len(
        failed
    )


SAME_TREE = """
import sys
sys.path.insert(0, {tests!r})
from test_strategy import *
for spec in sys.argv[1:]:
    strategy = LiteCoOpStrategy(seed=11)
    bare = context(spec, strategy)
    bare.pre_tuning(24, 8, bare.generate_design_space(), cost_model=ms.cost_model.RandomModel())
    while (candidates := bare.generate_measure_candidates()) is not None:
        seconds = [1e-4 * (1 + int(tvm_ffi.structural_hash(c.sch.mod)) % 97) for c in candidates]
        bare.notify_runner_results(candidates, [ms.runner.RunnerResult([s], None) for s in seconds])
    for node in strategy.searches[0].tree.nodes:
        print(spec, node.id, node.parent, node.author, node.member, node.visits, node.built.program, node.built.key)
"""


def test_the_same_seed_gives_the_same_trees_in_two_processes() -> None:
    specs = [SPEC, "attention:2x16x8"]
    command = [sys.executable, "-c", SAME_TREE.format(tests=str(Path(__file__).parent)), *specs]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    assert all(sum(line.startswith(spec) for line in runs[0].splitlines()) >= 25 for spec in specs)


def test_the_paper_settings_run() -> None:
    bare = context(strategy=LiteCoOpStrategy(config=SearchConfig.paper()))
    bare.pre_tuning(8, 4, bare.generate_design_space())
    while (candidates := bare.generate_measure_candidates()) is not None:
        bare.notify_runner_results(candidates, results_of(candidates))
    bare.post_tuning()
