"""Every family, built untuned and run: the output must be the reference's."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tvm
from tvm import te

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.workloads import BUILTIN, Workload, parse
from tvm_litecoop.workloads.base import from_te

SMALL = [
    "matmul:17x24x33",
    "matmul:1x1x1",
    "batch_matmul:3x5x7x11",
    "conv2d:2x9x8x3,3x3,5",
    "conv2d:1x9x8x3,3x3,5,s2",
    "conv2d:1x9x8x3,3x3,5,s2,p0",
    "conv2d:1x7x7x4,1x1,6",
    "conv2d:1x7x6x2,5x2,3,p3",
    "depthwise:2x9x8x6,3x3",
    "depthwise:1x10x9x6,5x3,s3,p1",
    "attention:2x13x8",
    "mlp:6x16x24",
    "moe:3x4x8x12",
    "softmax:9x31",
    "layernorm:9x31",
    "add:5x6",
]


def run(workload: Workload, inputs: list[Any]) -> Any:
    """Builds the untuned program and runs it."""
    shape, dtype = workload.arg_shapes()[-1]
    out = tvm.runtime.empty(shape, dtype)
    tvm.compile(workload.mod, target="llvm")(*(tvm.runtime.tensor(array) for array in inputs), out)
    return out.numpy()


def expected(workload: Workload, inputs: list[Any]) -> Any:
    assert workload.reference is not None
    return workload.reference(inputs)


def test_every_family_is_run_small() -> None:
    assert {spec.partition(":")[0] for spec in SMALL} == set(BUILTIN)


@pytest.mark.parametrize("spec", SMALL)
def test_untuned_program_gives_the_reference(spec: str) -> None:
    workload = parse(spec)
    inputs = workload.inputs(3)
    want = expected(workload, inputs)
    assert want.dtype == np.float32 and want.shape == workload.arg_shapes()[-1][0]
    np.testing.assert_allclose(run(workload, inputs), want, rtol=workload.rtol, atol=workload.atol)


@pytest.mark.parametrize("name", ["softmax", "attention"])
def test_large_scores_do_not_overflow(name: str) -> None:
    workload = parse({"softmax": "softmax:4x8", "attention": "attention:1x8x4"}[name])
    inputs = [array * np.float32(300) for array in workload.inputs(0)]
    out = run(workload, inputs)
    assert np.isfinite(out).all()
    # Scores of some ten thousand carry a rounding error of their own; the output still follows the reference.
    want = expected(workload, inputs)
    np.testing.assert_allclose(out, want, rtol=0.02, atol=0.01 * np.abs(want).max())


@pytest.mark.parametrize("gate", [-200.0, 200.0])
def test_silu_saturates_without_nan(gate: float) -> None:
    workload = parse("mlp:1x1x1")
    inputs = [np.full(shape, 1, dtype) for shape, dtype in workload.arg_shapes()[:-1]]
    inputs[1] *= np.float32(gate)
    assert run(workload, inputs).item() == pytest.approx(max(gate, 0.0))


def test_a_row_of_equal_values_stays_finite_in_layernorm() -> None:
    workload = parse("layernorm:2x4")
    x, gamma, beta = workload.inputs(0)
    np.testing.assert_allclose(run(workload, [np.ones_like(x), gamma, beta]), [beta, beta], atol=1e-6)


def test_layernorm_uses_its_epsilon() -> None:
    workload = parse("layernorm:1x2")
    x = np.array([[0.001, -0.001]], dtype=np.float32)
    ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
    want = 0.001 / np.sqrt(1e-6 + 1e-5)
    np.testing.assert_allclose(run(workload, [x, ones, zeros]), [[want, -want]], rtol=1e-5)


def naive_conv(data: Any, weight: Any, stride: int, pad: tuple[int, int]) -> Any:
    """Seven loops and bounds checks: shares nothing with the reference under test."""
    n, h, w, c = data.shape
    kh, kw, _, f = weight.shape
    oh, ow = (h + 2 * pad[0] - kh) // stride + 1, (w + 2 * pad[1] - kw) // stride + 1
    out = np.zeros((n, oh, ow, f))
    for b, y, x, o, dy, dx, ch in np.ndindex(n, oh, ow, f, kh, kw, c):
        row, col = y * stride + dy - pad[0], x * stride + dx - pad[1]
        if 0 <= row < h and 0 <= col < w:
            out[b, y, x, o] += float(data[b, row, col, ch]) * float(weight[dy, dx, ch, o])
    return out


@pytest.mark.parametrize(
    ("shape", "kernel", "options", "stride", "pad"),
    [
        ("2x6x5x3", "3x3", "", 1, (1, 1)),
        ("1x7x6x2", "3x3", ",s2", 2, (1, 1)),
        ("1x7x6x2", "3x3", ",p0", 1, (0, 0)),
        ("1x5x8x2", "5x2", "", 1, (2, 0)),
        ("1x5x8x2", "4x3", ",p2,s3", 3, (2, 2)),
    ],
)
def test_convolutions_against_loops(shape: str, kernel: str, options: str, stride: int, pad: tuple[int, int]) -> None:
    dense = parse(f"conv2d:{shape},{kernel},4{options}")
    data, weight = dense.inputs(1)
    want = naive_conv(data, weight, stride, pad)
    np.testing.assert_allclose(expected(dense, [data, weight]), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(dense, [data, weight]), want, rtol=dense.rtol, atol=dense.atol)

    single = parse(f"depthwise:{shape},{kernel}{options}")
    data, weight = single.inputs(2)
    # The same convolution written densely: a kernel that is 0 between different channels.
    spread = weight[..., None] * np.eye(weight.shape[-1], dtype=np.float32)
    want = naive_conv(data, spread, stride, pad)
    np.testing.assert_allclose(expected(single, [data, weight]), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(single, [data, weight]), want, rtol=single.rtol, atol=single.atol)


@pytest.mark.parametrize(
    ("spec", "flops"),
    [
        ("matmul", 2 * 512**3),
        ("batch_matmul:3x5x7x11", 2 * 3 * 5 * 7 * 11),
        ("conv2d", 2 * 56 * 56 * 64 * 64 * 9),
        ("conv2d:1x9x8x3,3x3,5,s2", 2 * 5 * 4 * 5 * 27),
        ("depthwise", 2 * 56 * 56 * 64 * 9),
        # Two products, and per score: maximum, subtraction, scaling, sum, division; exp counts none.
        ("attention", 8 * 128 * 128 * (2 * 64 + 2 * 64 + 5)),
        # Three products, and per hidden unit: negation, 1 +, division, multiplication.
        ("mlp", 128 * 1024 * (3 * 2 * 512 + 4)),
        ("moe", 4 * 32 * (512 * (3 * 2 * 256 + 4) + 256)),
        ("softmax", 256 * 1024 * 4),
        ("add", 1024 * 1024),
    ],
)
def test_flops(spec: str, flops: int) -> None:
    assert parse(spec).flops == flops


@pytest.mark.parametrize("name", list(BUILTIN))
def test_default_outputs_are_of_order_one(name: str) -> None:
    workload = parse(name)
    out = expected(workload, workload.inputs(0))
    size = float(np.sqrt(np.mean(np.square(out))))
    if name == "softmax":
        size *= out.shape[1]
    assert 0.3 < size < 3
    # The tolerances tell such an output from zeros, and from an output that is 1 % off.
    for wrong in (np.zeros_like(out), out * np.float32(1.01)):
        assert not np.allclose(wrong, out, rtol=workload.rtol, atol=workload.atol)


def test_default_shapes_build_arguments() -> None:
    assert parse("attention").arg_shapes() == [((8, 128, 64), "float32")] * 4
    assert parse("conv2d").arg_shapes() == [
        ((1, 56, 56, 64), "float32"),
        ((3, 3, 64, 64), "float32"),
        ((1, 56, 56, 64), "float32"),
    ]


def test_inputs_depend_on_the_seed_alone() -> None:
    workload = parse("mlp:6x16x24")
    first, again, other = workload.inputs(5), parse("mlp:6x16x24").inputs(5), workload.inputs(6)
    assert len(first) == 4
    for a, b, c in zip(first, again, other, strict=True):
        assert a.dtype == np.float32 and a.flags.c_contiguous
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_a_workload_is_one_main_and_a_frozen_value() -> None:
    workload = parse("add:4x4")
    assert [var.name_hint for var in workload.mod.functions] == ["main"]
    assert workload.mod["main"].attrs["global_symbol"] == "main"
    assert workload == parse("add:4x4") and workload != parse("add:4x5")
    assert "sblock" not in repr(workload)
    with pytest.raises(dataclasses.FrozenInstanceError):
        workload.flops = 1  # type: ignore[misc]


def test_intermediate_arrays_count_towards_the_limit() -> None:
    with pytest.raises(WorkloadError, match=r"attention:1x65536x1: .* GiB"):
        parse("attention:1x65536x1")


def test_symbolic_shapes_are_refused() -> None:
    n = te.var("n")
    x = te.placeholder((n,), name="x")
    out = te.compute((n,), lambda i: x[i] + x[i], name="double")
    with pytest.raises(WorkloadError, match="shapes must be constants"):
        from_te("double", [x, out], reference=lambda a: a[0], scales=(1.0,), atol=0.0)
