"""The arguments a kernel is called with. Owns their values, and the ones kept from candidate to candidate."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tvm

ArgsInfo: TypeAlias = "Sequence[Sequence[Any]]"
"""`ArgInfo.as_json()` of each argument: `["TENSOR", dtype, shape]`."""

CACHE_BYTES = 1 << 30

DRAWN = 1 << 20
"""Numbers that are drawn for one argument; a larger one repeats them, because drawing takes long."""

FLOATS = {"float16", "bfloat16", "float32", "float64"}
"""These get what a model would have in them: numbers around 0.

TVM's runner fills with 1 to 10. Sums of products are hundreds then, and an exponential of their differences is 0 or
infinite, for which `expf` has a slow way of its own: a gated MLP took 1.2 to 1.3 times as long.
"""

INDICES = {"int16", "int32", "int64", "uint16", "uint32", "uint64"}
"""These may be indices into another argument."""


def args_key(device_type: str, args_info: ArgsInfo) -> str:
    """The same for kernels that take arguments of as many elements on the same device.

    That is all kernels of one task: where a weight is packed in advance, its shape is another one in every schedule.
    """
    return json.dumps([device_type, [_flat(info) for info in args_info]])


class ArgumentCache:
    """Arguments of the sizes used last, because filling them takes longer than timing with them.

    A candidate of the same task finds what the candidate before it left: inputs untouched, outputs
    overwritten; in its own shape, where a weight is packed.

    Args:
        limit_bytes: Bytes kept, over all sizes; arguments larger than that are not kept.
    """

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[str, list[Any]] = OrderedDict()  # least recently used first
        self._sizes: dict[str, int] = {}

    def get(self, device: Any, args_info: ArgsInfo) -> list[Any]:
        """Arguments for one kernel, allocated and filled where there are none to reuse.

        Raises:
            NotImplementedError: For an argument that is not a tensor, as TVM's `alloc_argument_common` does.
        """
        key = args_key(str(device), args_info)
        if key not in self._kept:
            size = sum(map(bytes_of, args_info))
            self._make_room(size)
            args = [_allocate(device, info) for info in args_info]
            if size > self._limit:
                return args
            self._kept[key], self._sizes[key] = args, size
        self._kept.move_to_end(key)
        return [_shaped(kept, info[2]) for kept, info in zip(self._kept[key], args_info, strict=True)]

    def _make_room(self, size: int) -> None:
        while self._kept and sum(self._sizes.values()) + size > self._limit:
            oldest, _ = self._kept.popitem(last=False)
            del self._sizes[oldest]


def _flat(info: Sequence[Any]) -> Sequence[Any]:
    return [info[0], info[1], math.prod(info[2])] if info[0] == "TENSOR" else info


def _shaped(tensor: Any, shape: Sequence[int]) -> Any:
    return tensor if list(tensor.shape) == list(shape) else tensor._create_view(tuple(shape))


def _allocate(device: Any, info: Sequence[Any]) -> Any:
    if info[0] != "TENSOR":
        raise NotImplementedError(info)
    _, dtype, shape = info
    tensor = tvm.runtime.empty(shape=shape, dtype=dtype, device=device)
    rng = np.random.default_rng(0)
    if dtype in FLOATS:
        drawn = rng.standard_normal(min(math.prod(shape), DRAWN), dtype=np.float32).astype(dtype)
        tensor.copyfrom(np.resize(drawn, tuple(shape)))
    elif dtype in INDICES:
        # TVM fills these with the bits of floats, which as indices point far outside of any table; 0 is in all of them.
        tensor.copyfrom(np.zeros(tuple(shape), dtype))
    else:
        # Not `random_fill_for_measure`, LocalRunner's choice: its threads share one generator without a lock, which
        # is 4 times slower than one thread, and they leave the last `size % threads` elements as they were.
        tvm.get_global_func("tvm.contrib.random.random_fill")(tensor)
    return tensor


def bytes_of(info: Sequence[Any]) -> int:
    """Of one argument; 0 where it is no tensor."""
    return math.prod(info[2]) * max(1, tvm.DataType(info[1]).bits // 8) if info[0] == "TENSOR" else 0
