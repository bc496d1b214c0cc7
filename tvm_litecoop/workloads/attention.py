"""Scaled dot-product attention as one function: `attention`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tvm import te

from .base import Array, Workload, dot_atol, from_te
from .family import Family


def attention(heads: int, seq: int, dim: int) -> Workload:
    """softmax(Q Kᵀ / sqrt(dim)) V for each head; Q, K, V and the output are [heads, seq, dim], float32.

    No mask. The row maximum is subtracted before exp, so exp cannot overflow; the scale is positive, so it is
    applied after the maximum and needs no pass of its own.
    """
    q, k, v = (te.placeholder((heads, seq, dim), name=name) for name in "qkv")
    d = te.reduce_axis((0, dim), name="d")
    m, s, p = (te.reduce_axis((0, seq), name=name) for name in "msp")
    scores = (heads, seq, seq)
    scale = te.const(dim**-0.5, "float32")
    qk = te.compute(scores, lambda h, i, j: te.sum(q[h, i, d] * k[h, j, d], axis=d), name="qk")
    top = te.compute((heads, seq), lambda h, i: te.max(qk[h, i, m], axis=m), name="rowmax")
    exp = te.compute(scores, lambda h, i, j: te.exp((qk[h, i, j] - top[h, i]) * scale), name="exp")
    total = te.compute((heads, seq), lambda h, i: te.sum(exp[h, i, s], axis=s), name="rowsum")
    prob = te.compute(scores, lambda h, i, j: exp[h, i, j] / total[h, i], name="softmax")
    out = te.compute((heads, seq, dim), lambda h, i, c: te.sum(prob[h, i, p] * v[h, p, c], axis=p), name="pv")
    return from_te(
        f"attention:{heads}x{seq}x{dim}",
        [q, k, v, out],
        reference=_attention,
        # An average over seq rows of V would shrink like 1/sqrt(seq); V grows by as much.
        scales=(1.0, 1.0, seq**0.5),
        atol=dot_atol(dim + seq),
    )


def _attention(arrays: Sequence[Array]) -> Array:
    q, k, v = (array.astype(np.float64) for array in arrays)
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    exp = np.exp(scores - scores.max(axis=-1, keepdims=True))
    out: Array = (exp / exp.sum(axis=-1, keepdims=True)) @ v
    return out.astype(np.float32)


ATTENTION = Family("attention", "softmax(Q K^T / sqrt(DIM)) V for each head", "HEADSxSEQxDIM", "8x128x64", attention)
