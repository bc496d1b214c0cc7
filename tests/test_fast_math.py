"""exp, tanh, erf and what TVM makes of them, as vector arithmetic: right everywhere, and only where it is asked for."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import tvm
from tvm import te
from tvm.s_tir import Schedule

from tvm_litecoop import fast_math
from tvm_litecoop.errors import TargetError
from tvm_litecoop.tuning.targets import parse_target

REFERENCES = {
    "exp": np.exp,
    "tanh": np.tanh,
    "erf": np.vectorize(math.erf),
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
}
SPECIAL = np.array([np.inf, -np.inf, np.nan, 0.0, 88.72, 88.73, 0.625, 1.0, 4.0], np.float32)
LANES = 16


def _points() -> np.ndarray:
    ranges = [np.linspace(low, high, 1 << 16) for low, high in ((-86.0, 90.0), (-9.0, 9.0), (-1.2, 1.2), (-1e-3, 1e-3))]
    points = np.concatenate([*ranges, SPECIAL]).astype(np.float32)
    return np.resize(points, -(-len(points) // LANES) * LANES)


def _kernel(name: str, target: object, size: int, dtype: str = "float32") -> object:
    given = te.placeholder((size,), dtype, "given")
    found = te.compute((size,), lambda i: getattr(te, name)(given[i]), "found")
    schedule = Schedule(te.create_prim_func([given, found]))
    (loop,) = schedule.get_loops(schedule.get_sblock("found"))
    schedule.vectorize(schedule.split(loop, [None, LANES])[1])
    return fast_math.compiled(schedule.mod, target)


def _called(kernel: object, points: np.ndarray) -> np.ndarray:
    result = tvm.runtime.tensor(np.zeros_like(points))
    kernel["main"](tvm.runtime.tensor(points), result)
    return result.numpy()


def _called_in(kernel: object) -> set[str]:
    """The functions that its machine code calls."""
    module = kernel.mod
    text = str((module.imports[0] if module.imports else module).inspect_source("asm"))
    return set(re.findall(r"\b(?:call\w*|bl)\s+\*?(\w+)", text))


@pytest.mark.parametrize("name", REFERENCES)
def test_right_to_three_units_in_the_last_place(name: str) -> None:
    points = _points()
    kernel = _kernel(name, fast_math.fast(parse_target("")), len(points))
    got = _called(kernel, points)
    with np.errstate(all="ignore"):
        wanted = REFERENCES[name](points.astype(np.float64))
        single = wanted.astype(np.float32)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(single))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(single))
    finite = np.isfinite(single)
    units = np.abs(got[finite] - wanted[finite]) / np.spacing(np.abs(single[finite]))
    assert units.max() <= 3.0
    assert not _called_in(kernel) & {"expf", "tanhf", "erff"}


def test_nothing_changes_where_it_is_not_asked_for() -> None:
    target = parse_target("")
    assert "expf" in _called_in(_kernel("exp", target, LANES))
    assert "erff" in _called_in(_kernel("erf", target, LANES))
    assert "exp" in _called_in(_kernel("exp", fast_math.fast(target), LANES, "float64"))


def test_the_target_says_so() -> None:
    target = parse_target("")
    fast = fast_math.fast(target)
    assert fast_math.asked(fast) and not fast_math.asked(target)
    assert str(fast_math.fast(fast)) == str(fast)
    assert str(fast_math.plain(fast)) == str(target) == str(fast_math.plain(target))
    with pytest.raises(TargetError, match="fast math is for CPUs, not for cuda"):
        fast_math.fast("nvidia/nvidia-a100")


def test_the_rest_of_the_pass_context_stays() -> None:
    with tvm.transform.PassContext(opt_level=2, config={"tirx.disable_vectorize": True}):
        with fast_math.switched(fast_math.fast(parse_target(""))):
            present = tvm.transform.PassContext.current()
            assert present.opt_level == 2
            assert present.config["tirx.disable_vectorize"] and present.config[fast_math.SWITCH]
        assert fast_math.SWITCH not in tvm.transform.PassContext.current().config
