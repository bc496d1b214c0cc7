"""Real TVM design spaces for the tests of the bridge."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tvm.s_tir import meta_schedule as ms
from tvm.target import Target

from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.nest import Machine
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.workloads import parse
from tvm_litecoop.workloads.base import Workload

CPU = Target({"kind": "llvm", "keys": ["cpu"], "mcpu": "znver4", "num-cores": 2})
MACHINE = Machine("llvm", 2, 64, 32, 32 * 1024, 1024 * 1024, 32 * 1024 * 1024)

SMALL = (
    "matmul:64x48x96",
    "batch_matmul:2x32x32x16",
    "conv2d:1x14x14x8,3x3,16",
    "depthwise:1x14x14x8,3x3",
    "attention:2x32x16",
    "mlp:16x32x64",
    "moe:2x8x16x32",
    "softmax:32x64",
    "layernorm:32x64",
)
"""Every built-in family with a decision, at a small shape."""


def context_of(spec: str | Workload, target: Any = CPU, strategy: Any = "replay-trace", seed: int = 1) -> Any:
    """A tuning context with a design-space generator."""
    load_tensor_intrinsics()
    return ms.TuneContext(
        (parse(spec) if isinstance(spec, str) else spec).mod,
        target=target,
        space_generator="post-order-apply",
        search_strategy=strategy,
        task_name="main",
        rand_state=seed,
        num_threads=2,
    )


@lru_cache(maxsize=32)
def space_of(spec: str, target: Any = CPU) -> TvmSpace:
    """The space of a workload, without cost model."""
    context = context_of(spec, target)
    generator = context.space_generator
    mutators = {str(m).rsplit(".", 1)[-1]: (m, float(p)) for m, p in generator.mutator_probs.items()}
    return TvmSpace(
        context.mod,
        context.generate_design_space(),
        postprocs=generator.postprocs,
        mutators=mutators,
        machine=MACHINE,
        threads=2,
    )
