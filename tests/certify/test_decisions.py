"""What is decided from what was seen, and what counts as equal on inputs that are not finite."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tvm
from tvm import te

from tvm_litecoop.certify import equality
from tvm_litecoop.certify.certificate import CERTIFIED, CRASHED, LUCKY, WRONG, TaskCertificate, Verdict
from tvm_litecoop.certify.equality import check_sums, deviation, on_edges, tolerance, worst
from tvm_litecoop.certify.inputs import KINDS, RANDOM, Kind, arrays, nudged
from tvm_litecoop.certify.judge import Judged
from tvm_litecoop.certify.program import Program, Unsupported, facts
from tvm_litecoop.certify.records import Record, Task
from tvm_litecoop.certify.verify import _decided, _Seen

INF, NAN = math.inf, math.nan
SUM = Program((((2, 2), "float32"), ((2,), "float32")), (1,), 2, picks=False, branches=False)
KIND = {kind.name: kind for kind in KINDS}


def seen(recorded_s: float, own_s: float, *, off: float = 0.0, fault: str = "") -> _Seen:
    times = () if fault or off > 1.0 else tuple(own_s * (1 + 0.01 * number) for number in range(5))
    default = tuple(1.0 for _ in times)
    return _Seen.of(Record(1, "", recorded_s), Judged(fault, (("random", off),) if not fault else (), times, default))


@pytest.mark.parametrize(
    ("records", "statuses"),
    [
        ([seen(0.1, 0.1)], ["certified"]),
        ([seen(0.1, 0.1), seen(0.2, 0.2)], ["certified", "right"]),
        ([seen(0.1, 0.1, off=INF), seen(0.2, 0.2)], ["wrong", "certified"]),
        ([seen(0.9, 0.99)], ["slow"]),
        ([seen(0.1, 0, fault="crashed: its process died")], ["crashed"]),
        ([seen(0.1, 0, fault="hung: nothing came for 60 s")], ["hung"]),
        ([seen(0.1, 0, fault="does not replay: no such block")], ["unusable"]),
        # alone, four times slower than recorded; beside one that holds its time; on a machine four times slower
        ([seen(0.1, 0.4)], ["lucky"]),
        ([seen(0.1, 0.4), seen(0.2, 0.2)], ["lucky", "certified"]),
        ([seen(0.1, 0.4), seen(0.11, 0.44)], ["certified", "right"]),
        ([seen(1e-9, 0.5), seen(0.1, 0.4)], ["lucky", "lucky"]),
    ],
)
def test_the_first_that_stands_is_certified(records: list[_Seen], statuses: list[str]) -> None:
    assert [verdict.status for verdict in _decided(records)] == statuses


@pytest.mark.parametrize(
    ("kind", "program", "got", "expected", "right"),
    [
        ("NaN", SUM, [NAN, 1.0], [NAN, 1.0], True),
        ("NaN", SUM, [1.0, 1.0], [NAN, 1.0], False),
        ("infinity", SUM, [-INF, 1.0], [INF, 1.0], False),
        ("overflow", SUM, [NAN, INF], [INF, NAN], True),
        ("overflow", SUM, [1.0, INF], [INF, INF], False),
        ("random", SUM, [INF, 1.0], [NAN, 1.0], False),
        ("NaN", "branches", [1.0, 1.0], [NAN, 1.0], True),
        ("NaN", "branches", [NAN, NAN], [NAN, 1.0], False),
        ("NaN", "picks", [5.0, 1.0], [2.0, NAN], True),
        ("random", "picks", [5.0, 1.0], [2.0, 1.0], False),
        ("zeros", SUM, [1e-39, 0.0], [0.0, 0.0], True),  # below the smallest normal number
        ("random", SUM, [1000.0, 0.009], [1000.0, 0.0], True),  # in units of the largest result
        ("random", SUM, [1000.0, 0.02], [1000.0, 0.0], False),
    ],
)
def test_results_that_are_equal(
    kind: str, program: Program | str, got: list[float], expected: list[float], right: bool
) -> None:
    if isinstance(program, str):
        program = Program(SUM.arguments, SUM.outputs, SUM.terms, program == "picks", program == "branches")
    arrays_ = (np.array(values, np.float32) for values in (got, expected))
    assert (worst(*arrays_, tolerance("float32", 2), KIND[kind], program) <= 1.0) is right


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int32", "bool"])
def test_every_kind_of_inputs_is_what_it_says(dtype: str) -> None:
    program = Program((((64, 3), dtype), ((), dtype), ((64,), dtype)), (2,), 3, picks=False, branches=False)
    for kind in (*KINDS, Kind("large", scale=1e15)):
        values, _, output = (array.astype(np.float64) for array in arrays(program, kind))
        assert np.isfinite(output).all()
        assert np.array_equal(values, arrays(program, kind)[0].astype(np.float64), equal_nan=True)
        if "float" not in dtype:
            assert values.min() >= 0 or dtype == "int8"
        elif kind.name in ("NaN", "infinity"):
            assert np.isfinite(values).sum() == values.size - 1
        elif kind.name == "denormal":
            assert 0.0 < np.abs(values).max() < 1e-4
        else:
            assert np.isfinite(values).all() and (kind.name != "negative" or values.max() <= 0.0)
            assert kind.name != "positive" or values.min() >= 0.0
    given = arrays(program, RANDOM)
    assert np.allclose(given[0].astype(np.float64), nudged(given, program)[0].astype(np.float64), rtol=0.02)


def test_the_worst_of_a_harmful_task_is_that_of_the_harmful_kernel() -> None:
    task, record = Task(1, "", "{}", (), ()), Record(1, "", 1.0)
    lucky, wrong = Verdict(record, LUCKY, "", (("random", 0.02),)), Verdict(record, WRONG, "", (("zeros", 5.0),))
    right = Verdict(record, CERTIFIED, "", (("random", 0.1),))
    assert TaskCertificate(task, (lucky, wrong, right)).worst == 5.0
    assert TaskCertificate(task, (lucky, right)).worst == 0.1 and TaskCertificate(task, (lucky,)).worst == 0.02
    crashed = Verdict(record, CRASHED)
    assert TaskCertificate(task, (crashed,)).worst is None and TaskCertificate(task, (crashed, right)).worst == 0.1


def test_large_results_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.arange(12.0).reshape(3, 4)
    whole = [deviation(expected + off, expected, 1e-3, 1e-3) for off in (0.0, 0.01)]
    monkeypatch.setattr(equality, "AT_ONCE", 5)
    assert [deviation(expected + off, expected, 1e-3, 1e-3) for off in (0.0, 0.01)] == whole == [0.0, whole[1]]
    got = expected.copy()
    got[2, 3] = NAN
    assert deviation(got, expected, 1e-3, 1e-3) == INF and deviation([], [], 1e-3, 1e-3) == 0.0


def test_a_dtype_without_a_tolerance_is_not_guessed_at() -> None:
    assert tolerance("int32", 9).rtol == 0.0
    with pytest.raises(Unsupported, match="complex64"):
        tolerance("complex64", 1)


@pytest.mark.parametrize(("kept_in", "largest"), [("float16", 0.125), ("float32", 0.0040)])
def test_a_sum_may_be_off_by_the_rounding_of_the_numbers_it_is_kept_in(kept_in: str, largest: float) -> None:
    program = facts(_sums(1024, kept_in))
    assert program.sums_in == kept_in and tolerance("float16", program.terms, program.sums_in).atol == pytest.approx(
        largest, rel=0.03
    )


def _sums(terms: int, kept_in: str) -> Any:
    a = te.placeholder((4, terms), "float16", name="a")
    k = te.reduce_axis((0, terms), name="k")
    total = te.compute((4,), lambda i: te.sum(a[i, k].astype(kept_in), axis=k), name="total")
    out = te.compute((4,), lambda i: total[i].astype("float16"), name="out")
    return tvm.IRModule({"main": te.create_prim_func([a, out])})


def test_nothing_is_said_of_sums_that_stop_growing() -> None:
    for terms, kept_in in ((2048, "float16"), (4096, "float32"), (4096, "int32")):
        check_sums(facts(_sums(terms, kept_in)))
    assert np.add.accumulate(np.ones(4096, np.float16))[-1] == 2048  # in another order it is 4096
    with pytest.raises(Unsupported, match="sums 4,096 values in float16, which 2,048 ones fill: use float32"):
        check_sums(facts(_sums(4096, "float16")))


def test_long_maxima_and_sums_in_other_types_are_no_coarse_sums() -> None:
    a, k, few = te.placeholder((4, 4096), "float16", name="a"), te.reduce_axis((0, 4096)), te.reduce_axis((0, 9))
    top = te.compute((4,), lambda i: te.max(a[i, k], axis=k), name="top")
    check_sums(facts(tvm.IRModule({"main": te.create_prim_func([a, top])})))
    start = te.compute((4,), lambda i: te.sum(a[i, few], axis=few), name="start")
    both = te.compute((4,), lambda i: top[i] + start[i], name="both")
    program = facts(tvm.IRModule({"main": te.create_prim_func([a, both])}))
    assert (program.terms, program.sums_in, program.summed) == (4096, "float16", 9)
    check_sums(program)


def test_small_results_of_a_coarse_type_are_compared() -> None:
    program = facts(_sums(4096, "float32"))
    shares = np.full(4, 1.0 / 4096, np.float16)
    allowed = tolerance("float16", program.terms, program.sums_in)
    assert worst(shares * np.float16(2), shares, allowed, KIND["random"], program) > 1.0
    assert worst(shares, shares + np.float16(1e-6), allowed, KIND["random"], program) <= 1.0


@pytest.mark.parametrize(
    ("got", "nudged", "right"),
    [
        ({3: 8}, {}, True),  # one in ten thousand
        ({3: 8, 4: 8, 5: 8}, {}, False),
        ({3: 8, 4: 8, 5: 8}, {9: 6}, True),  # eight times what a nudge moves
        ({3: 12}, {}, False),  # too far
        ({3: 12}, {9: 12}, True),
    ],
)
def test_integers_that_are_rounded_may_fall_to_either_side(
    got: dict[int, int], nudged: dict[int, int], right: bool
) -> None:
    expected = np.full(10_000, 7, np.int8)
    arrays_ = [expected.copy() for _ in range(2)]
    for array, changes in zip(arrays_, (got, nudged), strict=True):
        for place, value in changes.items():
            array[place] = value
    assert (on_edges(arrays_[0], expected, arrays_[1]) <= 1.0) is right


def test_what_becomes_of_nan_as_an_integer_is_not_compared() -> None:
    program = replace(SUM, arguments=(((2, 2), "float32"), ((2,), "int8")))
    got, expected = np.array([1, 2], np.int8), np.array([1, 0], np.int8)
    assert worst(got, expected, tolerance("int8", 2), KIND["NaN"], program) == 0.0
    assert worst(got, expected, tolerance("int8", 2), KIND["random"], program) == INF
    exact = replace(program, floats=False)
    assert worst(got, expected, tolerance("int8", 2), KIND["NaN"], exact) == INF


@pytest.mark.parametrize(("rows", "largest"), [(1, 0), (2, 1), (8, 1)])
def test_indices_stay_inside_their_table(rows: int, largest: int) -> None:
    table, row = te.placeholder((rows, 4), name="table"), te.placeholder((64,), "int32", name="row")
    found = te.compute((64, 4), lambda i, j: table[row[i], j] * 2.0, name="found")
    program = facts(tvm.IRModule({"main": te.create_prim_func([table, row, found])}))
    assert program.single_row == (rows == 1)
    assert (
        all(arrays(program, kind)[1].max() <= largest for kind in KINDS) and arrays(program, RANDOM)[1].max() == largest
    )


def test_a_batch_of_one_is_no_table() -> None:
    mask, x = te.placeholder((1, 8), "int32", name="mask"), te.placeholder((1, 8), name="x")
    kept = te.compute((1, 8), lambda i, j: te.if_then_else(mask[i, j] != 0, x[i, j], 0.0), name="kept")
    assert not facts(tvm.IRModule({"main": te.create_prim_func([mask, x, kept])})).single_row
