"""Elementwise functions: `add`."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import te

from .base import Array, Workload, dot_atol, from_te
from .family import Family


def add(rows: int, cols: int) -> Workload:
    """Elementwise sum a + b, [rows, cols] each, float32.

    Its design space holds no tiling at all, so it shows what a search does where there is next to nothing to
    choose.
    """
    a = te.placeholder((rows, cols), name="a")
    b = te.placeholder((rows, cols), name="b")
    out = te.compute((rows, cols), lambda i, j: a[i, j] + b[i, j], name="add")
    return from_te(f"add:{rows}x{cols}", [a, b, out], reference=_add, scales=(1.0, 1.0), atol=dot_atol(1))


def _add(arrays: Sequence[Array]) -> Array:
    out: Array = arrays[0] + arrays[1]
    return out


ADD = Family("add", "elementwise sum of two matrices; nothing to decide", "ROWSxCOLS", "1024x1024", add)
