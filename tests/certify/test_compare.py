"""A kernel's numbers against a workload that has no numpy reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tvm_litecoop.certify.compare import off_reference
from tvm_litecoop.certify.kernels import compiled
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse

TWO_OUTPUTS = """
from tvm import te

x = te.placeholder((8, 8), name="x")
small = te.compute((8, 8), lambda i, j: x[i, j] * 1e-4, name="small")
large = te.compute((8, 8), lambda i, j: x[i, j] * 1e4, name="large")
both = te.create_prim_func([x, small, large])
"""


def test_without_a_reference_every_output_is_compared_and_small_ones_too(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(TWO_OUTPUTS)
    workload, target = parse(f"{tmp_path}/kernels.py:both"), parse_target("")
    kernel = compiled(workload.mod, target)

    def zeroes(number: int) -> dict[str, Any]:
        def main(*args: Any) -> None:
            kernel["main"](*args)
            args[number].copyfrom(np.zeros((8, 8), "float32"))

        return {"main": main}

    assert off_reference(kernel, workload, target) <= 1.0
    assert off_reference(zeroes(1), workload, target) > 1.0
    assert off_reference(zeroes(2), workload, target) > 1.0
