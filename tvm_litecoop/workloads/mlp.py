"""The gated feed-forward layer of a transformer: `mlp`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import te

from .base import Array, Workload, dot_atol, from_te
from .family import Family


def mlp(tokens: int, hidden: int, ffn: int) -> Workload:
    """(silu(x Wg) · (x Wu)) Wd, float32; x and the output are [tokens, hidden].

    Wg and Wu are [hidden, ffn], Wd is [ffn, hidden]; silu(g) = g / (1 + exp(-g)).

    silu is a block of its own for a reason: MetaSchedule takes an elementwise block for the write cache of
    the product before it, and moves it under that product's tiles. A block that reads two products
    (silu(gate) · up) cannot move under either, and design-space generation fails with a ScheduleError
    ("requires all the producer(s)"). Without an exp in it, `act` is inlined into `down` before that can
    happen.
    """
    x = te.placeholder((tokens, hidden), name="x")
    w_gate = te.placeholder((hidden, ffn), name="w_gate")
    w_up = te.placeholder((hidden, ffn), name="w_up")
    w_down = te.placeholder((ffn, hidden), name="w_down")
    g = te.reduce_axis((0, hidden), name="g")
    u = te.reduce_axis((0, hidden), name="u")
    d = te.reduce_axis((0, ffn), name="d")
    gate = te.compute((tokens, ffn), lambda i, j: te.sum(x[i, g] * w_gate[g, j], axis=g), name="gate")
    up = te.compute((tokens, ffn), lambda i, j: te.sum(x[i, u] * w_up[u, j], axis=u), name="up")
    silu = te.compute((tokens, ffn), lambda i, j: silu_of(gate[i, j]), name="silu")
    act = te.compute((tokens, ffn), lambda i, j: silu[i, j] * up[i, j], name="act")
    out = te.compute((tokens, hidden), lambda i, j: te.sum(act[i, d] * w_down[d, j], axis=d), name="down")
    return from_te(
        f"mlp:{tokens}x{hidden}x{ffn}",
        [x, w_gate, w_up, w_down, out],
        reference=_mlp,
        scales=(1.0, hidden**-0.5, hidden**-0.5, ffn**-0.5),
        atol=dot_atol(hidden + ffn),
    )


def silu_of(x: Any) -> Any:
    """Computes x / (1 + exp(-x)) of a TIR expression; where exp overflows, the quotient is 0, as it must."""
    return x / (te.const(1.0, "float32") + te.exp(-x))


def gated_mlp(x: Array, w_gate: Array, w_up: Array, w_down: Array) -> Array:
    """The same layer in numpy, over any leading axes that `@` broadcasts; in the arrays' own precision."""
    gate = x @ w_gate
    out: Array = (gate / (1.0 + np.exp(-gate)) * (x @ w_up)) @ w_down
    return out


def _mlp(arrays: Sequence[Array]) -> Array:
    x, w_gate, w_up, w_down = (array.astype(np.float64) for array in arrays)
    return gated_mlp(x, w_gate, w_up, w_down).astype(np.float32)


MLP = Family("mlp", "gated feed-forward layer (silu(x Wg) * (x Wu)) Wd", "TOKENSxHIDDENxFFN", "128x512x1024", mlp)
