"""The expert's arithmetic for GPUs: how far a tiling is from what a GPU can run well.

TVM tiles a GPU nest `SSSRRSRS`: blocks, virtual threads, threads, two reductions, what a thread computes, a
reduction, and again what a thread computes (MultiLevelTiling, `tile_binds`). Operands are staged in shared memory for
one step of the outermost reduction. A tiling outside the hard limits is refused by VerifyGPUCode, so those weigh most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tvm_litecoop.models.roofline import Array, footprint
from tvm_litecoop.nest import Block, Machine

WARP = 32
THREADS = (64.0, 256.0)  # enough to hide latency, few enough for several groups on a processor
RESULTS = (8.0, 64.0)  # accumulators of one thread: reuse of what it loads against registers
VIRTUAL = 8.0  # virtual threads beyond this only cost registers


def penalty(block: Block, machine: Machine, factors: Sequence[npt.NDArray[np.int64]]) -> Array:
    """A positive figure per tiling, lower is better; only ratios mean anything.

    Args:
        block: The nest, tiled `SSSRRSRS`.
        machine: Limits on threads and shared memory.
        factors: For each axis the tile factors, shape [n, parts], outermost first.
    """
    spatial = [f for axis, f in zip(block.axes, factors, strict=True) if not axis.reduction]
    groups, virtual, threads = (np.prod([f[:, level] for f in spatial], axis=0, dtype=float) for level in range(3))
    results = virtual * np.prod([f[:, 3:].prod(axis=1) for f in spatial], axis=0, dtype=float)
    inside = [
        np.asarray(f[:, 1:].prod(axis=1), dtype=float) for f in factors
    ]  # one group, one step of the outermost reduction
    staged = sum((footprint(read, inside) for read in block.reads), np.zeros(len(groups)))
    cost = _outside(threads, *THREADS) * _outside(results, *RESULTS) * np.maximum(1.0, virtual / VIRTUAL)
    cost = cost * np.where(threads % WARP == 0, 1.0, 4.0) * _outside(groups, machine.cores, np.inf)
    refused = (threads > machine.max_threads) | (threads < WARP) | (staged > machine.shared_bytes)
    return np.asarray(np.where(refused, 1e3 * cost, cost))


def _outside(value: Array, low: float, high: float) -> Array:
    """1 within the range, the ratio to its nearer end outside."""
    return np.asarray(np.maximum(1.0, np.maximum(low / value, value / high)))
