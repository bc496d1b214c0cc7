"""Matrix products: `matmul` and `batch_matmul`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tvm import te

from .base import Array, Workload, dot_atol, from_te
from .family import Family


def matmul(m: int, n: int, k: int) -> Workload:
    """[m, k] @ [k, n] -> [m, n], float32, row-major."""
    a = te.placeholder((m, k), name="a")
    b = te.placeholder((k, n), name="b")
    r = te.reduce_axis((0, k), name="k")
    out = te.compute((m, n), lambda i, j: te.sum(a[i, r] * b[r, j], axis=r), name="matmul")
    return from_te(f"matmul:{m}x{n}x{k}", [a, b, out], reference=_reference, scales=(1.0, k**-0.5), atol=dot_atol(k))


def batch_matmul(b: int, m: int, n: int, k: int) -> Workload:
    """[b, m, k] @ [b, k, n] -> [b, m, n], float32; neither operand is transposed."""
    x = te.placeholder((b, m, k), name="a")
    y = te.placeholder((b, k, n), name="b")
    r = te.reduce_axis((0, k), name="k")
    out = te.compute((b, m, n), lambda s, i, j: te.sum(x[s, i, r] * y[s, r, j], axis=r), name="batch_matmul")
    return from_te(
        f"batch_matmul:{b}x{m}x{n}x{k}",
        [x, y, out],
        reference=_reference,
        scales=(1.0, k**-0.5),
        atol=dot_atol(k),
    )


def _reference(arrays: Sequence[Array]) -> Array:
    a, b = (array.astype(np.float64) for array in arrays)
    out: Array = a @ b
    return out.astype(np.float32)


MATMUL = Family("matmul", "matrix product [M,K] @ [K,N]", "MxNxK", "512x512x512", matmul)
BATCH_MATMUL = Family("batch_matmul", "B matrix products [M,K] @ [K,N]", "BxMxNxK", "8x128x128x64", batch_matmul)
