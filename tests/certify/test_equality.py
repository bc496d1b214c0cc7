"""Is a kernel right: what counts as equal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tvm_litecoop.certify.equality import Tolerance, deviation, worst
from tvm_litecoop.certify.inputs import Kind
from tvm_litecoop.certify.program import Program

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("got", "expected", "off"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0002], [1.0], 2.0),
        ([NAN, INF, -INF], [NAN, INF, -INF], 0.0),
        ([NAN], [1.0], INF),
        ([1.0], [NAN], INF),
        ([INF], [-INF], INF),
        ([1.0], [INF], INF),
        ([INF], [1.0], INF),
        ([], [], 0.0),
    ],
)
def test_deviation_in_units_of_the_tolerance(got: list[float], expected: list[float], off: float) -> None:
    arrays = (np.array(values, np.float32) for values in (got, expected))
    assert deviation(*arrays, rtol=1e-4, atol=0.0) == pytest.approx(off, rel=1e-2)


def test_a_program_of_maxima_that_leads_to_infinities_is_compared_elsewhere() -> None:
    masked = Program((), (), 8, picks=True, branches=False)
    expected = np.array([-INF, 1.0, 2.0])
    plain, special = (Kind(name, special) for name, special in (("random", False), ("NaN", True)))
    allowed = Tolerance(1e-4, 0.0, 0.0)
    assert worst(np.array([-INF, 1.0, 2.0]), expected, allowed, plain, masked) == 0.0
    assert worst(np.array([-INF, 1.0, 3.0]), expected, allowed, plain, masked) > 1.0
    assert worst(np.array([NAN, 1.0, 3.0]), expected, allowed, special, masked) == 0.0
