"""Sums that TVM's rules make again and again: found in a schedule before it is built."""

from __future__ import annotations

from collections import Counter

from spaces import context_of
from tvm.s_tir.schedule import Schedule, Trace

from tvm_litecoop.certify.compare import off_reference
from tvm_litecoop.certify.kernels import compiled
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tvm_bridge.made import repeated
from tvm_litecoop.tvm_bridge.replay import Replayed, Replayer
from tvm_litecoop.tvm_bridge.sketch import Sketch
from tvm_litecoop.values import Rejection, Why
from tvm_litecoop.workloads import parse


def test_exactly_the_wrong_ones_of_random_programs_are_found() -> None:
    """Each is built and run: what is called repeated is wrong, what is not is right."""
    workload, target = parse("attention:2x32x16"), parse_target("")
    context = context_of(workload.spec, target, seed=5)
    seen = Counter[tuple[bool, bool]]()
    for number, design in enumerate(context.generate_design_space()[::4]):
        schedule = Schedule(workload.mod, seed=number + 1)
        Trace(design.trace.insts, {}).apply_to_schedule(schedule, remove_postproc=True)
        schedule.enter_postproc()
        if all(postproc.apply(schedule) for postproc in context.space_generator.postprocs):
            before = len(schedule.trace.insts)
            found = bool(repeated(schedule))
            assert len(schedule.trace.insts) == before
            seen[found, off_reference(compiled(schedule.mod, target), workload, target) > 1.0] += 1
    assert set(seen) == {(True, True), (False, False)}, seen


def test_they_are_refused_with_the_name_of_the_sum() -> None:
    context = context_of("attention:2x32x16")
    sketches = [Sketch(index, context.mod, design, {}) for index, design in enumerate(context.generate_design_space())]
    replayer = Replayer(context.mod, sketches, context.space_generator.postprocs, 1)
    outcomes = replayer.replay([(index, 1) for index in range(0, len(sketches), 2)])
    refused = [one for one in outcomes if isinstance(one, Rejection) and "again and again" in one.detail]
    assert refused and all(one.why is Why.POSTPROC and one.detail.startswith("row") for one in refused)
    assert not any(repeated(one.schedule) for one in outcomes if isinstance(one, Replayed))
