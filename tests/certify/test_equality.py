"""Is a kernel right: what counts as equal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tvm_litecoop.certify.equality import deviation

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("got", "expected", "worst"),
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
def test_deviation_in_units_of_the_tolerance(got: list[float], expected: list[float], worst: float) -> None:
    arrays = (np.array(values, np.float32) for values in (got, expected))
    assert deviation(*arrays, rtol=1e-4, atol=0.0) == pytest.approx(worst, rel=1e-2)
