"""Functions of one row at a time: `softmax` and `layernorm`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tvm import te

from .base import Array, Workload, dot_atol, from_te
from .family import Family

LAYERNORM_EPS = 1e-5


def softmax(rows: int, cols: int) -> Workload:
    """exp(x - max(x)) / sum(exp(x - max(x))) of each row, [rows, cols] -> [rows, cols], float32.

    The maximum is subtracted so that exp cannot overflow.
    """
    x = te.placeholder((rows, cols), name="x")
    m = te.reduce_axis((0, cols), name="m")
    s = te.reduce_axis((0, cols), name="s")
    top = te.compute((rows,), lambda i: te.max(x[i, m], axis=m), name="rowmax")
    exp = te.compute((rows, cols), lambda i, j: te.exp(x[i, j] - top[i]), name="exp")
    total = te.compute((rows,), lambda i: te.sum(exp[i, s], axis=s), name="rowsum")
    out = te.compute((rows, cols), lambda i, j: exp[i, j] / total[i], name="softmax")
    # Every term is positive, so nothing cancels and rtol decides; outputs are near 1/cols, and so is what
    # counts as 0.
    atol = 1e-5 / cols
    return from_te(f"softmax:{rows}x{cols}", [x, out], reference=_softmax, scales=(1.0,), atol=atol)


def layernorm(rows: int, cols: int) -> Workload:
    """(x - mean) / sqrt(var + 1e-5) · gamma + beta of each row, [rows, cols] -> [rows, cols], float32.

    gamma and beta have shape [cols]. The variance is the mean of squared differences, in a second pass over
    the row: mean(x²) - mean(x)² would cancel.
    """
    x = te.placeholder((rows, cols), name="x")
    gamma = te.placeholder((cols,), name="gamma")
    beta = te.placeholder((cols,), name="beta")
    r = te.reduce_axis((0, cols), name="r")
    s = te.reduce_axis((0, cols), name="s")
    total = te.compute((rows,), lambda i: te.sum(x[i, r], axis=r), name="rowsum")
    diff = te.compute((rows, cols), lambda i, j: x[i, j] - total[i] / cols, name="diff")
    squares = te.compute((rows,), lambda i: te.sum(diff[i, s] * diff[i, s], axis=s), name="sqsum")
    out = te.compute(
        (rows, cols),
        lambda i, j: diff[i, j] / te.sqrt(squares[i] / cols + te.const(LAYERNORM_EPS, "float32")) * gamma[j] + beta[j],
        name="layernorm",
    )
    return from_te(
        f"layernorm:{rows}x{cols}",
        [x, gamma, beta, out],
        reference=_layernorm,
        scales=(1.0, 1.0, 1.0),
        atol=dot_atol(cols),
    )


def _softmax(arrays: Sequence[Array]) -> Array:
    x = arrays[0].astype(np.float64)
    exp = np.exp(x - x.max(axis=1, keepdims=True))
    out: Array = exp / exp.sum(axis=1, keepdims=True)
    return out.astype(np.float32)


def _layernorm(arrays: Sequence[Array]) -> Array:
    x, gamma, beta = (array.astype(np.float64) for array in arrays)
    spread = np.sqrt(x.var(axis=1, keepdims=True) + LAYERNORM_EPS)
    out: Array = (x - x.mean(axis=1, keepdims=True)) / spread * gamma + beta
    return out.astype(np.float32)


SOFTMAX = Family("softmax", "softmax of each row", "ROWSxCOLS", "256x1024", softmax)
LAYERNORM = Family(
    "layernorm", "layer normalisation of each row, with gamma and beta", "ROWSxCOLS", "256x1024", layernorm
)
