"""A mixture-of-experts layer: `moe`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tvm import te

from .base import Array, Workload, dot_atol, from_te
from .family import Family
from .mlp import gated_mlp, silu_of


def moe(experts: int, capacity: int, hidden: int, ffn: int) -> Workload:
    """Each expert's gated MLP on the tokens routed to it, scaled by the router's weight; float32.

    Routing itself is not part of the function. The tokens arrive dispatched, `capacity` slots for every
    expert, as fixed-capacity layers do it (GShard, arXiv 2006.16668, section 2.2; Switch Transformer, arXiv
    2101.03961): a token over the capacity was dropped before, an empty slot has the weight 0, and adding a
    token's outputs of several experts comes after. Choosing experts and moving tokens is indexed by data,
    moves memory rather than computes, and leaves MetaSchedule nothing to tile; what is tuned here is the
    dense rest, which has static shapes and holds nearly all of the arithmetic.

    Shapes: x and the output [experts, capacity, hidden]; Wg, Wu [experts, hidden, ffn]; Wd [experts, ffn,
    hidden]; route (the router's weight of each slot) [experts, capacity].
    """
    x = te.placeholder((experts, capacity, hidden), name="x")
    w_gate = te.placeholder((experts, hidden, ffn), name="w_gate")
    w_up = te.placeholder((experts, hidden, ffn), name="w_up")
    w_down = te.placeholder((experts, ffn, hidden), name="w_down")
    route = te.placeholder((experts, capacity), name="route")
    g = te.reduce_axis((0, hidden), name="g")
    u = te.reduce_axis((0, hidden), name="u")
    d = te.reduce_axis((0, ffn), name="d")
    inner, outer = (experts, capacity, ffn), (experts, capacity, hidden)
    gate = te.compute(inner, lambda e, i, j: te.sum(x[e, i, g] * w_gate[e, g, j], axis=g), name="gate")
    up = te.compute(inner, lambda e, i, j: te.sum(x[e, i, u] * w_up[e, u, j], axis=u), name="up")
    silu = te.compute(inner, lambda e, i, j: silu_of(gate[e, i, j]), name="silu")  # apart from act: see mlp.mlp
    act = te.compute(inner, lambda e, i, j: silu[e, i, j] * up[e, i, j], name="act")
    down = te.compute(outer, lambda e, i, j: te.sum(act[e, i, d] * w_down[e, d, j], axis=d), name="down")
    out = te.compute(outer, lambda e, i, j: down[e, i, j] * route[e, i], name="combine")
    return from_te(
        f"moe:{experts}x{capacity}x{hidden}x{ffn}",
        [x, w_gate, w_up, w_down, route, out],
        reference=_moe,
        scales=(1.0, hidden**-0.5, hidden**-0.5, ffn**-0.5, 1.0),
        atol=dot_atol(hidden + ffn),
    )


def _moe(arrays: Sequence[Array]) -> Array:
    x, w_gate, w_up, w_down, route = (array.astype(np.float64) for array in arrays)
    out: Array = gated_mlp(x, w_gate, w_up, w_down) * route[..., None]
    return out.astype(np.float32)


MOE = Family(
    "moe",
    "gated MLP of each expert on its CAPACITY tokens, scaled by the router's weight",
    "EXPERTSxCAPACITYxHIDDENxFFN",
    "4x32x256x512",
    moe,
)
