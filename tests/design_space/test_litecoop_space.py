"""Design spaces beyond TVM's own: which there are, that their programs are right, and that stock TVM replays them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tvm import te
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.schedule import Schedule
from tvm.target import Target

from tvm_litecoop.certify.compare import off_reference
from tvm_litecoop.certify.kernels import compiled
from tvm_litecoop.design_space import LiteCoOpSpace
from tvm_litecoop.design_space.prepare import prepare
from tvm_litecoop.measure import WarmBuilder
from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.nest import Machine
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tvm_bridge import traces
from tvm_litecoop.tvm_bridge.locations import LocationMenus
from tvm_litecoop.tvm_bridge.made import repeated
from tvm_litecoop.tvm_bridge.sketch import Sketch
from tvm_litecoop.workloads import parse

MACHINE = Machine("llvm", 2, 64, 32)


def _spaces(mod: Any, target: Any, generator: Any) -> list[Any]:
    load_tensor_intrinsics()
    return list(ms.TuneContext(mod, target=target, space_generator=generator, rand_state=1).generate_design_space())


def _signatures(schedules: list[Any]) -> list[str]:
    return sorted(traces.signature(schedule.trace.simplified(True)) for schedule in schedules)


def _beyond(spec: str, target: Any = None) -> list[Any]:
    """The design spaces that are not TVM's, all of whose own must be there."""
    mod, target = parse(spec).mod, target or parse_target("")
    stock, ours = _spaces(mod, target, "post-order-apply"), _spaces(mod, target, LiteCoOpSpace())
    known = _signatures(stock)
    assert [one for one in _signatures(ours) if one in known] == known
    return [one for one in ours if traces.signature(one.trace.simplified(True)) not in known]


def _done(schedule: Any, kind: str) -> int:
    return sum(inst.kind.name == kind for inst in schedule.trace.insts)


def _prepared(mod: Any) -> tuple[Any, set[str]]:
    schedule = Schedule(mod)
    return schedule, prepare(schedule, MACHINE)


def test_what_a_design_space_offers_does_not_hang_on_which_is_read_first() -> None:
    mod = parse("attention:4x128x128").mod  # one of its 162 has another nest around one of two consumers alone
    generated = _spaces(mod, parse_target(""), LiteCoOpSpace())

    def read(order: Iterable[int]) -> list[Any]:
        menus = LocationMenus()
        sketches = [Sketch(index, mod, schedule, menus) for index, schedule in enumerate(generated)]
        for index in order:
            sketches[index].read()
        return [(sketch.slots, sketch.blocks) for sketch in sketches]

    count = len(generated)
    assert count > 100 and read(range(count)) == read(reversed(range(count)))


@pytest.mark.parametrize("spec", ["matmul:61x127x67", "batch_matmul:2x37x47x64"])
def test_extents_without_factors_are_padded(spec: str) -> None:
    beyond = _beyond(spec)
    assert beyond and all(_done(schedule, "PadEinsum") == 1 for schedule in beyond)


def test_what_divides_well_is_left_as_it_is() -> None:
    assert not _beyond("matmul:64x48x96")
    assert not _beyond("conv2d:1x14x14x8,3x3,16")
    assert not _beyond("softmax:32x64")


def test_padding_that_makes_much_more_work_is_left_out() -> None:
    schedule, kept = _prepared(parse("matmul:17x17x17").mod)  # 24 x 32 x 24 would be 3.8 times the work
    assert not kept and not _done(schedule, "PadEinsum")


def test_a_reduction_is_padded_only_where_zeros_add_nothing() -> None:
    a, b = te.placeholder((61, 67), name="a"), te.placeholder((67, 53), name="b")
    k = te.reduce_axis((0, 67), name="k")
    c = te.compute((61, 53), lambda i, j: te.sum(te.exp(a[i, k]) + b[k, j], axis=k), name="c")
    schedule, _ = _prepared(te.create_prim_func([a, b, c]))
    assert not _done(schedule, "PadEinsum")


def _with_a_longer_operand() -> list[Any]:
    """The first 67 of 80 columns of `a`: a copy of it, padded to 72, has five more of them and no zeros."""
    a, b = te.placeholder((61, 80), name="a"), te.placeholder((67, 127), name="b")
    k = te.reduce_axis((0, 67), name="k")
    return [a, b, te.compute((61, 127), lambda i, j: te.sum(a[i, k] * b[k, j], axis=k), name="c")]


def _with_one_plane_of_several() -> list[Any]:
    a, b = te.placeholder((61, 67), name="a"), te.placeholder((2, 67, 127), name="b")
    k = te.reduce_axis((0, 67), name="k")
    return [a, b, te.compute((61, 127), lambda i, j: te.sum(a[i, k] * b[1, k, j], axis=k), name="c")]


@pytest.mark.parametrize("tensors", [_with_a_longer_operand, _with_one_plane_of_several])
def test_what_a_copy_with_zeros_around_would_change_is_not_padded(tensors: Callable[[], list[Any]]) -> None:
    schedule, _ = _prepared(te.create_prim_func(tensors()))
    assert not _done(schedule, "PadEinsum")


def test_iterators_in_another_order_than_the_loops_are_not_padded() -> None:
    func = te.create_prim_func(_awkward_product())
    swapped = Schedule(func)
    i, j, k = swapped.get_loops("c")
    swapped.reorder(i, k, j)
    schedule, _ = _prepared(swapped.mod["main"])
    assert not _done(schedule, "PadEinsum") and _done(_prepared(func)[0], "PadEinsum") == 1


def _awkward_product() -> list[Any]:
    a, b = te.placeholder((61, 67), name="a"), te.placeholder((67, 127), name="b")
    k = te.reduce_axis((0, 67), name="k")
    return [a, b, te.compute((61, 127), lambda i, j: te.sum(a[i, k] * b[k, j], axis=k), name="c")]


def test_operands_that_are_strided_along_the_vector_are_packed_and_divisions_are_not_repeated() -> None:
    beyond = _beyond("attention:2x32x16")
    assert len(beyond) > 1
    assert all(_done(schedule, "TransformLayout") == 1 for schedule in beyond)
    stock = _spaces(parse("attention:2x32x16").mod, parse_target(""), "post-order-apply")
    assert {_done(schedule, "ComputeInline") for schedule in stock} == {1}
    assert {_done(schedule, "ComputeInline") for schedule in beyond} == {0}


def test_a_strided_window_is_not_packed() -> None:
    """In NCHW with stride 2 every other column is read: another order of the dimensions would not help."""
    data, weight = te.placeholder((1, 16, 30, 30), name="data"), te.placeholder((16, 16, 3, 3), name="weight")
    c, y, x = (te.reduce_axis((0, extent), name=name) for extent, name in ((16, "rc"), (3, "ry"), (3, "rx")))
    out = te.compute(
        (1, 16, 14, 14),
        lambda n, o, i, j: te.sum(data[n, c, 2 * i + y, 2 * j + x] * weight[o, c, y, x], axis=[c, y, x]),
        name="conv",
    )
    schedule, kept = _prepared(te.create_prim_func([data, weight, out]))
    assert not kept and not _done(schedule, "TransformLayout")


def test_weights_that_are_packed_in_advance_are_left_to_tvm() -> None:
    func = te.create_prim_func(_product_by_rows())
    assert _prepared(func)[1] == {"b_global"}
    schedule, kept = _prepared(func.with_attr("layout_free_buffers", [1]))
    assert not kept and not _done(schedule, "CacheRead")


def _product_by_rows() -> list[Any]:
    """[64, 64] @ [48, 64]ᵀ."""
    a, b = te.placeholder((64, 64), name="a"), te.placeholder((48, 64), name="b")
    k = te.reduce_axis((0, 64), name="k")
    return [a, b, te.compute((64, 48), lambda i, j: te.sum(a[i, k] * b[j, k], axis=k), name="c")]


def test_a_gpu_gets_the_stock_spaces() -> None:
    assert not _beyond("matmul:61x127x67", Target("nvidia/nvidia-a100"))


@pytest.mark.parametrize("spec", ["matmul:61x127x67", "attention:2x32x16"])
def test_programs_are_right_and_their_records_replay_with_stock_tvm(spec: str, tmp_path: Path) -> None:
    """TVM's own search in these spaces and its own database: nothing of ours is needed to replay a record."""
    load_tensor_intrinsics()
    workload, target = parse(spec), parse_target("")
    builder = WarmBuilder(timeout_sec=300.0)
    try:
        ms.tune_tir(
            workload.mod,
            target,
            str(tmp_path),
            max_trials_global=8,
            num_trials_per_iter=8,
            space=LiteCoOpSpace(),
            strategy="replay-trace",
            builder=builder,
            seed=3,
        )
    finally:
        builder.close()
    database = ms.database.JSONDatabase(work_dir=str(tmp_path))
    records = database.get_all_tuning_records()
    right = 0
    for record in records:
        schedule = Schedule(workload.mod)
        record.trace.apply_to_schedule(schedule, remove_postproc=False)
        if not repeated(schedule):  # as one in five of TVM's own for an attention
            assert off_reference(compiled(schedule.mod, target), workload, target) <= 1.0
            right += bool(_done(record, "PadEinsum") or _done(record, "TransformLayout"))
    assert right
