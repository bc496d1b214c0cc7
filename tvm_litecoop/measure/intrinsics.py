"""TVM's tensor intrinsics: when a build needs them, and how to import them in 2 s instead of 10.

**When.** `tvm.s_tir.tensor_intrin` fills a table of intrinsics that is read where a schedule is tensorized:
by the schedule rules of MetaSchedule and by `Schedule.tensorize` (`TensorIntrin::Get` has no other caller in
TVM's sources). A module that is built has been tensorized before; it holds the intrinsic's body, not its
name. What a build does look up are two index maps which `tensor_intrin/cuda.py` registers on the way, for
CUDA alone: codegen_cuda.cc and transform_mma_buffer_layout.cc.

**How.** Nearly all of the import is `inspect.stack()`, called twice for each of 250 intrinsics. For every
frame of the import machinery (`<frozen importlib._bootstrap>`, no such file) `inspect` walks through all of
`sys.modules` looking for a module with that file, finds none and remembers nothing.
"""

from __future__ import annotations

import importlib
import inspect

_IMPORT_MACHINERY = ("importlib._bootstrap", "importlib._bootstrap_external", "runpy")


def index_frozen_modules() -> None:
    """Tell `inspect` which modules the frozen files are, so that `inspect.stack()` need not search for them.

    Safe in any process: `inspect.modulesbyfile` is the cache where `inspect` itself keeps such answers.
    """
    for name in _IMPORT_MACHINERY:
        inspect.modulesbyfile.setdefault(f"<frozen {name}>", name)


def load_tensor_intrinsics() -> None:
    """Import `tvm.s_tir.tensor_intrin`; free where that is done already."""
    index_frozen_modules()
    importlib.import_module("tvm.s_tir.tensor_intrin")
