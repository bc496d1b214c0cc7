"""The arguments of a candidate, as TVM's runner makes them."""

from __future__ import annotations

from typing import Any

from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.errors import last_line


def args_of(mod: Any) -> Any:
    """TVM's `ArgInfo` of each argument.

    Where a weight is packed in advance (`layout_free_buffers`) its shape is another one in every schedule, and the
    packing itself, a block of the kernel, is not timed.
    """
    return ms.arg_info.ArgInfo.from_entry_func(mod, remove_preproc=True)


def refusal(mod: Any) -> str:
    """Why a runner cannot make up the arguments of a module; empty where it can."""
    try:
        args_of(mod)
    except TypeError:
        return "has a shape that only the run tells"
    except ValueError as error:  # a scalar, several functions
        return f"has arguments that cannot be made up: {last_line(error)}"
    return ""
