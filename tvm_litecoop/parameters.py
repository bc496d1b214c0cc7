"""The arguments of a PrimFunc as buffers, in TVM 0.26 and 0.27."""

from __future__ import annotations

from typing import Any


def buffers_of(func: Any) -> list[Any]:
    """The buffer of each parameter, in call order; a scalar stays the variable that it is.

    In TVM 0.27 a parameter is the buffer, in 0.26 it is a handle that `buffer_map` leads on from.
    """
    buffers = getattr(func, "buffer_map", {})
    return [buffers.get(param, param) for param in func.params]
