"""Sums that TVM's rules make again and again: found in a schedule before it is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from spaces import context_of
from tvm import te
from tvm.s_tir.schedule import Schedule, Trace

from tvm_litecoop.certify.compare import off_reference
from tvm_litecoop.certify.kernels import compiled
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.tvm_bridge.locations import LocationMenus
from tvm_litecoop.tvm_bridge.made import repeated
from tvm_litecoop.tvm_bridge.replay import Replayed, Replayer
from tvm_litecoop.tvm_bridge.sketch import Sketch
from tvm_litecoop.values import Rejection, Why
from tvm_litecoop.workloads import parse
from tvm_litecoop.workloads.base import Array, Workload, from_te


def test_exactly_the_wrong_ones_of_random_programs_are_found() -> None:
    assert_the_wrong_ones_are_found(parse("attention:2x32x16"), 1)


def assert_the_wrong_ones_are_found(workload: Workload, times: int) -> None:
    """Each is built and run: what is called repeated is wrong, what is not is right."""
    target = parse_target("")
    context = context_of(workload, target, seed=5)
    seen = Counter[tuple[bool, bool]]()
    for number, design in enumerate(times * context.generate_design_space()[::4]):
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
    sketches = [
        Sketch(index, context.mod, design, LocationMenus())
        for index, design in enumerate(context.generate_design_space())
    ]
    replayer = Replayer(context.mod, sketches, context.space_generator.postprocs, 1)
    outcomes = replayer.replay([(index, 1) for index in range(0, len(sketches), 2)])
    refused = [one for one in outcomes if isinstance(one, Rejection) and "again and again" in one.detail]
    assert refused and all(one.why is Why.POSTPROC and one.detail.startswith("row") for one in refused)
    assert not any(repeated(one.schedule) for one in outcomes if isinstance(one, Replayed))


def windows_of_sums(stride: int = 1, dilation: int = 1) -> Workload:
    """A convolution of a window's sums: the windows of neighbours overlap, and their sums with them."""
    n = 3 * stride + 2 * dilation + 1
    x, w = te.placeholder((n + 2, n + 2, 4), name="x"), te.placeholder((3, 3, 4, 8), name="w")
    a, b, p, q, c = (te.reduce_axis((0, n), name) for n, name in ((3, "a"), (3, "b"), (3, "p"), (3, "q"), (4, "c")))
    s = te.compute((n, n, 4), lambda h, v, c: te.sum(x[h + a, v + b, c], axis=[a, b]), name="s")

    def product(h: Any, v: Any, f: Any) -> Any:
        return s[h * stride + p * dilation, v * stride + q * dilation, c] * w[p, q, c, f]

    y = te.compute((4, 4, 8), lambda h, v, f: te.sum(product(h, v, f), axis=[p, q, c]), name="y")

    def reference(inputs: Sequence[Array]) -> Array:
        sums = sliding_window_view(inputs[0], (3, 3), (0, 1)).sum((-1, -2))
        size = 2 * dilation + 1
        windows = sliding_window_view(sums, (size, size), (0, 1))[::stride, ::stride, :, ::dilation, ::dilation]
        return np.einsum("hvcpq,pqcf->hvf", windows, inputs[1])

    return from_te("windows", [x, w, y], reference=reference, scales=(1.0, 0.1), atol=1e-3)


@pytest.mark.parametrize(("stride", "dilation", "times"), [(1, 1, 24), (3, 2, 12)])
def test_sums_of_overlapping_windows_are_found_too(stride: int, dilation: int, times: int) -> None:
    assert_the_wrong_ones_are_found(windows_of_sums(stride, dilation), times)
