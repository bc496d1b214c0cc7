"""Work dirs that a search of TVM's has written, and records that nobody should trust."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tvm
from tvm import te, topi
from tvm.s_tir import Schedule
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.database import JSONDatabase, TuningRecord

from tvm_litecoop.certify.inputs import Kind
from tvm_litecoop.certify.judge import Case, Judged, Reference, judge
from tvm_litecoop.certify.records import RECORDS
from tvm_litecoop.measure import AdaptiveRunner, WarmBuilder, export_shared
from tvm_litecoop.tvm_bridge.machine import host_target


def matmul(n: int = 96) -> Any:
    a, b = te.placeholder((n, n), name="a"), te.placeholder((n, n), name="b")
    k = te.reduce_axis((0, n), name="k")
    c = te.compute((n, n), lambda i, j: te.sum(a[i, k] * b[k, j], axis=k), name="c")
    return tvm.IRModule({"main": te.create_prim_func([a, b, c])})


def softmax() -> Any:
    a = te.placeholder((32, 64), name="a")
    return tvm.IRModule({"main": te.create_prim_func([a, topi.nn.softmax(a)])})


def doubled() -> Any:
    a = te.placeholder((1024, 1024), name="a")
    c = te.compute((1024, 1024), lambda i, j: a[i, j] * 2.0, name="c")
    return tvm.IRModule({"main": te.create_prim_func([a, c])})


def normalized(n: int = 64) -> Any:
    a, b = te.placeholder((n, n), name="a"), te.placeholder((n, n), name="b")
    r, k = te.reduce_axis((0, n), name="r"), te.reduce_axis((0, n), name="k")
    s = te.compute((n,), lambda i: te.sum(a[i, r], axis=r), name="s")
    c = te.compute((n, n), lambda i, j: te.sum(a[i, k] * b[k, j] / s[i], axis=k), name="c")
    return tvm.IRModule({"main": te.create_prim_func([a, b, c])})


def tuned(directory: Path, mods: Sequence[Any], trials: int = 6) -> None:
    """What `ms.tune_tir` of TVM leaves behind."""
    builder, runner = WarmBuilder(f_export=export_shared, max_workers=1), AdaptiveRunner()
    try:
        for mod in mods:
            ms.tune_tir(
                mod,
                host_target(),
                str(directory),
                max_trials_global=trials,
                num_trials_per_iter=trials,
                builder=builder,
                runner=runner,
                cost_model="random",
                strategy="replay-trace",
                seed=1,
            )
    finally:
        builder.close()
        runner.close()


def plant(directory: Path, mod: Any, change: Callable[[Schedule], None], seconds: float) -> None:
    """Add a record with the trace of `change`, which claims to take so many seconds."""
    schedule = Schedule(mod)
    change(schedule)
    database = JSONDatabase(work_dir=str(directory))
    workload = database.commit_workload(mod)
    args = ms.arg_info.ArgInfo.from_entry_func(mod, remove_preproc=True)
    database.commit_tuning_record(TuningRecord(schedule.trace, workload, [seconds], host_target(), args))


def last_block(schedule: Schedule) -> Any:
    return schedule.get_child_blocks(schedule.get_sblock("root"))[-1]


def in_halves(schedule: Schedule) -> None:
    """Tiled and vectorized, hence fast, and wrong: it adds in float16."""
    cached = schedule.cache_write(block := last_block(schedule), 0, "global")
    schedule.unsafe_set_dtype(block, 0, "float16")
    i, j, k = schedule.get_loops(block)
    j, inner = schedule.split(j, [None, 32])
    schedule.reorder(i, j, k, inner)
    schedule.vectorize(inner)
    schedule.vectorize(schedule.split(schedule.get_loops(cached)[1], [None, 32])[1])


def summed_again(schedule: Schedule) -> None:
    """Wrong by a fault of TVM's: the sum is computed in a loop of its consumer's and set to 0 outside of that loop.

    MetaSchedule finds such schedules by itself, among others for the built-in attention.
    """
    inner, outer = schedule.get_sblock("s"), last_block(schedule)
    i, j, k = schedule.get_loops(outer)
    k, rest = schedule.split(k, [4, None])
    schedule.reorder(i, k, j, rest)
    schedule.compute_at(inner, k)
    schedule.decompose_reduction(inner, i)


def copied(schedule: Schedule) -> None:
    """Right, and slower than the untuned program."""
    schedule.cache_write(last_block(schedule), 0, "global")


def unrolled(schedule: Schedule) -> None:
    """A program that no compiler ends with."""
    for loop in schedule.get_loops(last_block(schedule)):
        schedule.unroll(loop)


def crashing(case: Case, record: str, kinds: Sequence[Kind]) -> Judged:
    """`judge`, in which the kernel of a record that claims a microsecond kills its process."""
    if json.loads(record)[1][1] == [1e-6]:
        os.abort()
    return judge(case, record, kinds)


def slow(case: Case) -> Reference:
    """`first`, of a program that takes longer than a test."""
    return Reference(seconds=99.0)


def announced(case: Case, seconds: float) -> Reference:
    """`refer`, which says how long it was told that the program takes."""
    raise RuntimeError(f"given {seconds} s")


def lines(directory: Path) -> list[Any]:
    return [json.loads(line) for line in (directory / RECORDS).read_text().splitlines()]


def rewrite(directory: Path, records: Sequence[Any]) -> None:
    (directory / RECORDS).write_text("".join(json.dumps(record) + "\n" for record in records))
