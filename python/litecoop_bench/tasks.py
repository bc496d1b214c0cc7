"""The search space of a workload without a tuning run around it."""

from __future__ import annotations

from tvm_litecoop.tvm_bridge.space import TvmSpace


def space_of(workload: str, target: str = "") -> TvmSpace:
    """The space of a built-in workload, no cost model; replays use two threads."""
    from tvm.s_tir import meta_schedule as ms

    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.tvm_bridge.machine import machine_of
    from tvm_litecoop.tvm_bridge.task import mutators_of
    from tvm_litecoop.workloads import parse

    load_tensor_intrinsics()
    context = ms.TuneContext(
        parse(workload).mod, target=parse_target(target), space_generator="post-order-apply", rand_state=1
    )
    return TvmSpace(
        context.mod,
        context.generate_design_space(),
        postprocs=context.space_generator.postprocs,
        mutators=mutators_of(context),
        machine=machine_of(context.target, context.num_threads),
        threads=2,
    )
