"""A Relax module on its way to a program: fused into kernels, tuned kernels put in, compiled.

The passes are those of TVM's `static_shape_tuning_pipeline` (relax/pipeline.py). The kernels are not fused again after
tuned ones were put in, as `tvm.compile` would with its default pipeline.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
from tvm import relax
from tvm.relax.backend.cpu_generic import pipeline as cpu  # whose package forgets to export some of it

from tvm_litecoop import fast_math

ABOUT = "litecoop_about"
"""A function of compiled models: what they are, as JSON in bytes. It travels with the file."""


def fused(mod: Any, target: Any, *, packed: bool) -> Any:
    """The module as calls of kernels, which are what is tuned.

    Args:
        mod: Relax, as a frontend makes it.
        target: For which machine.
        packed: Mark constant weights, whose layout every schedule may choose; not where TVM could not pack them.
    """
    with target:
        plain = tvm.transform.Sequential(to_kernels())(mod)
        marked = relax.transform.AttachAttrLayoutFreeBuffers()(plain)
    return marked if packed and can_pack(marked) else plain


def to_kernels() -> list[Any]:
    """The passes that make calls of kernels of a module."""
    return [
        relax.transform.DecomposeOpsForInference(),
        relax.transform.CanonicalizeBindings(),
        relax.get_pipeline("zero"),
    ]


def compiled(mod: Any, database: Any, target: Any, about: str = "") -> Any:
    """The program of a fused module with the best records of a database in it.

    Args:
        mod: From `fused`.
        database: Kernels without a record in it stay as they are.
        target: For which machine.
        about: JSON to travel with it.

    Returns:
        The `relax.VMExecutable`.
    """
    with target, database:
        mod = relax.transform.MetaScheduleApplyDatabase()(mod)
        if _is_marked(mod):
            mod = relax.transform.SplitLayoutRewritePreproc()(mod)
            mod = relax.transform.FoldConstant()(mod)  # packs the weights here and now
    lowering = [
        *cpu.library_dispatch_passes(target),  # sorts and scans, whose functions have no blocks
        relax.transform.LegalizeOps(),
        *cpu.dataflow_lower_passes(target),
        *cpu.finalize_passes(target),
    ]
    pipeline = tvm.transform.Sequential(lowering)
    return fast_math.compiled(_with_about(mod, about), target, relax_pipeline=pipeline)


def by_default(mod: Any, target: Any) -> Any:
    """The program that TVM makes by default, without any record."""
    return tvm.compile(mod, target)


def _is_marked(mod: Any) -> bool:
    return any(func.attrs and "layout_free_buffers" in func.attrs for func in mod.functions.values())


def can_pack(mod: Any) -> bool:
    """Whether TVM can pack weights that were marked.

    Its pass gives up on functions without a compute block, whether or not these have weights.
    """
    try:
        relax.transform.SplitLayoutRewritePreproc()(mod)
    except (RuntimeError, ValueError):
        return False
    return True


def _with_about(mod: Any, about: str) -> Any:
    builder = relax.BlockBuilder(mod)
    with builder.function(ABOUT, params=[]):
        builder.emit_func_output(relax.const(np.frombuffer(about.encode(), np.uint8)))
    return builder.get()
