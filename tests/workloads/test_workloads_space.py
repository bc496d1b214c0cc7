"""Stock MetaSchedule must find something to decide in every family.

Slow: making a TuneContext imports the tensor intrinsics of TVM, about ten seconds once.
"""

from __future__ import annotations

from typing import Any

import pytest

from tvm_litecoop.workloads import BUILTIN, parse

# Sampling instructions of the sketch with the fewest.
FEWEST = {
    "matmul": 4,
    "batch_matmul": 5,
    "conv2d": 9,
    "depthwise": 8,
    "attention": 12,
    "mlp": 10,
    "moe": 13,
    "softmax": 4,
    "layernorm": 3,
    "add": 0,
}


def sketches(mod: Any) -> list[Any]:
    from tvm.s_tir import meta_schedule as ms
    from tvm.target import Target

    target = Target({"kind": "llvm", "keys": ["cpu"], "mcpu": "znver4", "num-cores": 2})
    return list(ms.TuneContext(mod=mod, target=target, space_generator="post-order-apply").generate_design_space())


@pytest.mark.parametrize("name", list(BUILTIN))
def test_design_space_has_decisions(name: str) -> None:
    counts = [
        sum(inst.kind.name.startswith("Sample") for inst in sketch.trace.insts) for sketch in sketches(parse(name).mod)
    ]
    assert min(counts) == FEWEST[name]
