"""What sets design spaces apart, read from TVM's own traces."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import tvm
from tvm import te
from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.design_space import LiteCoOpSpace
from tvm_litecoop.models import rules
from tvm_litecoop.nest import Machine
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tvm_bridge.traits import traits_of
from tvm_litecoop.view import Traits
from tvm_litecoop.workloads import parse


def _traits(spec: str, generator: Any = "post-order-apply") -> tuple[Traits, ...]:
    return _traits_of(parse(spec).mod, generator)


def _traits_of(mod: Any, generator: Any = "post-order-apply") -> tuple[Traits, ...]:
    context = ms.TuneContext(mod, target=parse_target(""), space_generator=generator)
    traces = [schedule.trace.simplified(True) for schedule in context.generate_design_space()]
    return traits_of(mod, traces, Machine())


def test_sums_over_rows_make_lanes_where_the_inner_part_is_factored() -> None:
    counted = Counter(_traits("softmax:64x128"))
    assert counted == {
        Traits(0, 0): 1,
        Traits(1, 1): 2,  # maximum or sum, its inner part
        Traits(1, 0, 64): 2,
        Traits(2, 2): 1,
        Traits(2, 1, 64): 2,
        Traits(2, 0, 64): 1,
    }


def test_a_product_has_contiguous_columns() -> None:
    assert {one.lanes for one in _traits("matmul:4x4x4096")} == {0}
    assert {one.factored for one in _traits("matmul:4x4x4096")} == {0, 1}


def test_the_rule_prefers_lanes_and_factors_for_cores_alone_where_these_idle() -> None:
    spaces = [Traits(), Traits(1, 1), Traits(1, 0, 32), Traits(2, 2)]
    busy, idle = rules.spaces(spaces, Machine(cores=2)), rules.spaces(spaces, Machine(cores=4))
    assert busy[2] == 0.0 < busy[0] < busy[1] < busy[3]
    assert idle[2] == idle[0] < idle[1] < idle[3]
    assert rules.spaces(spaces[2:3], Machine(cores=2)) == [1.0]  # there is no other
    drawn = random.Random(1).choices(range(4), busy, k=100)
    assert 2 not in drawn and {0, 1, 3} == set(drawn)


def test_a_lone_reduction_with_few_results_is_factored() -> None:
    machine = Machine(cores=2)
    for columns in (4, 4096):
        found = _traits_of(_sums_of_columns(columns))
        assert {one.results for one in found if one.factored} == {columns}
        weights = rules.spaces(found, machine)
        assert any(w and one.factored for w, one in zip(weights, found, strict=True)) == (columns == 4)


def _sums_of_columns(columns: int) -> Any:
    a, k = te.placeholder((8192, columns), name="a"), te.reduce_axis((0, 8192), name="k")
    total = te.compute((columns,), lambda j: te.sum(a[k, j], axis=k), name="total")
    return tvm.IRModule({"main": te.create_prim_func([a, total])})


def test_prepared_programs_are_preferred() -> None:
    found = _traits("matmul:61x127x67", LiteCoOpSpace())
    assert Counter(one.prepared for one in found) == {True: 3, False: 3}
    weights = rules.spaces(found, Machine())
    assert min(w for w, one in zip(weights, found, strict=True) if one.prepared) > max(
        w for w, one in zip(weights, found, strict=True) if not one.prepared
    )
    assert not any(one.prepared for one in _traits("attention:2x32x16"))
