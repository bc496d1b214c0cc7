"""How a built module becomes a file. Owns `export_shared`; TVM's own way is a tar of object files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tvm_ffi
from tvm.support import cc

from tvm_litecoop.errors import LiteCoOpError

EXPORT_SHARED = "tvm_litecoop.measure.export_shared"
"""The registered name of `export_shared`, for `WarmBuilder(f_export=...)`."""


def export_shared(module: Any) -> str:
    """Link a built module into a shared object, for a runner that loads it on the same kind of machine.

    TVM's default, a tar of object files, is unpacked and linked by whoever loads it: the runner, one
    candidate at a time. Linked here, that happens in the builder's processes, in parallel, and loading is one
    `dlopen`. Use it with `AdaptiveRunner` and `LocalRunner`. Stay with the default for an `RPCRunner`: the
    compiler of this machine may not link for the other one.

    Args:
        module: The `tvm.runtime.Module` of one candidate.

    Returns:
        Path of a `.so` alone in a new directory, which TVM's `RemoveBuildArtifact` callback removes.

    Raises:
        LiteCoOpError: There is no C compiler to link with.
    """
    check_linker()
    directory = tempfile.mkdtemp()
    path = Path(directory) / "tvm_tmp_mod.so"
    try:
        module.export_library(str(path), fcompile=_link)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return str(path)


def check_linker() -> None:
    """See that there is a C compiler, without which no candidate can be linked.

    Raises:
        LiteCoOpError: There is none.
    """
    if cc.get_cc() is None:
        raise LiteCoOpError("there is no C compiler to link with", "install gcc, or set CXX")


def _link(path: str, files: list[str], options: Sequence[str] = ()) -> None:
    """Without the libraries of C++, which kernels do not call, and C, which whoever loads them has: half of a link."""
    if all(file.endswith(".o") for file in files):
        files, options = [*files, "-lm", "-lgcc"], [*options, "-nostdlib"]
    cc.create_shared(path, files, options)


tvm_ffi.register_global_func(EXPORT_SHARED, export_shared, override=True)
