"""The search space of a workload without a tuning run around it, and what a run has measured of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.values import Built


def space_of(workload: str) -> TvmSpace:
    """The space of a built-in workload, no cost model; replays use two threads."""
    from tvm.s_tir import meta_schedule as ms

    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.tvm_bridge.machine import machine_of
    from tvm_litecoop.tvm_bridge.task import mutators_of
    from tvm_litecoop.workloads import parse

    load_tensor_intrinsics()
    context = ms.TuneContext(
        parse(workload).mod, target=parse_target(""), space_generator="post-order-apply", rand_state=1
    )
    return TvmSpace(
        context.mod,
        context.generate_design_space(),
        postprocs=context.space_generator.postprocs,
        mutators=mutators_of(context),
        machine=machine_of(context.target, context.num_threads),
        threads=2,
    )


def recorded(space: TvmSpace, work_dir: Path) -> Iterator[tuple[Built, float]]:
    """The programs of a database that ran, with their seconds."""
    from tvm_litecoop.tuning import workdir
    from tvm_litecoop.tvm_bridge.records import mean_seconds

    records = workdir.open_database(str(work_dir), fresh=False).get_all_tuning_records()
    for record, built in zip(records, space.recorded([record.trace for record in records]), strict=True):
        seconds = mean_seconds(record.run_secs)
        if seconds is not None and isinstance(built, Built):
            yield built, seconds
