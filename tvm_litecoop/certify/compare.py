"""How far a kernel's results are from the untuned program's, and from a numpy reference. Runs the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tvm_litecoop import fast_math
from tvm_litecoop.certify import inputs, kernels
from tvm_litecoop.certify.equality import FORGIVEN, deviation, on_edges, tolerance, worst
from tvm_litecoop.certify.inputs import Kind
from tvm_litecoop.certify.program import Program, facts
from tvm_litecoop.workloads import Workload


def off_reference(kernel: Any, workload: Workload, target: Any, seed: int = 1) -> float:
    """Largest deviation from a workload's numpy reference on its own inputs, in units of its own tolerance.

    Where it has none: that of all outputs from the untuned program's on random and positive inputs, as `off_default`.
    """
    if workload.reference is None:
        program, plainly = facts(workload.mod), kernels.compiled(workload.mod, fast_math.plain(target))
        seen = []
        for kind in (inputs.RANDOM, inputs.POSITIVE):
            expected = kernels.run(plainly, inputs.arrays(program, kind, seed), program.outputs)
            seen.append(_off(kernel, plainly, program, kind, expected, seed))
        return max(seen)
    given, (shape, dtype) = workload.inputs(seed), workload.arg_shapes()[-1]
    (got,) = kernels.run(kernel, [*given, np.zeros(shape, dtype)], (len(given),))
    return deviation(got, workload.reference(given), workload.rtol, workload.atol)


def off_default(folder: str, kernel: Any, default: Any, program: Program, kind: Kind) -> float:
    """Largest deviation from what was kept of the untuned program, in units of the tolerance, on one kind of inputs.

    Before it is called too much, what the untuned program makes of a nudge is forgiven.
    """
    return _off(kernel, default, program, kind, _kept(folder, kind))


def _off(kernel: Any, default: Any, program: Program, kind: Kind, expected: Sequence[Any], seed: int = 1) -> float:
    given = inputs.arrays(program, kind, seed)
    got = kernels.run(kernel, given, program.outputs)

    def off(number: int, one: Any, other: Any, free: float = 0.0) -> float:
        return worst(
            one, other, tolerance(program.arguments[number][1], program.terms, program.sums_in), kind, program, free
        )

    plainly = [off(*each) for each in zip(program.outputs, got, expected, strict=True)]
    if max(plainly) <= 1.0 or kind.special:
        return max(plainly)
    nudged = kernels.run(default, inputs.nudged(given, program), program.outputs)
    return max(
        on_edges(one, other, moved)
        if program.floats and other.dtype.kind in "iub"
        else off(number, one, other, FORGIVEN * _swing(moved, other))
        for number, one, other, moved in zip(program.outputs, got, expected, nudged, strict=True)
    )


def _swing(one: Any, other: Any) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(plain(one).astype(np.float64) - other)
    return float(apart[np.isfinite(apart)].max(initial=0.0))


def plain(result: Any) -> Any:
    """In a dtype that a file of numpy's can hold."""
    return result.astype(np.float32) if result.dtype.name == "bfloat16" else result


def keep(folder: str, kind: Kind, results: Sequence[Any]) -> None:
    """Keep results of the untuned program."""
    arrays = {str(number): plain(result) for number, result in enumerate(results)}
    np.savez(Path(folder) / f"{kind.name}.npz", **arrays)


def _kept(folder: str, kind: Kind) -> list[Any]:
    with np.load(Path(folder) / f"{kind.name}.npz") as found:
        return [found[str(number)] for number in range(len(found.files))]
