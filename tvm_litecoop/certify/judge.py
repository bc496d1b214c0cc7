"""The work on one task and on one record. Runs in a worker, because a kernel may crash or hang.

Plain values come in and go out. Results of the untuned program are kept in a folder, so that a worker that
replaces a lost one need not compute them again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tvm_litecoop import fast_math
from tvm_litecoop.certify import inputs, kernels
from tvm_litecoop.certify.compare import keep, off_default, off_reference, plain
from tvm_litecoop.certify.equality import tolerances
from tvm_litecoop.certify.inputs import Kind
from tvm_litecoop.certify.program import Unsupported, facts
from tvm_litecoop.errors import last_line
from tvm_litecoop.workloads import parse

LONG_S = 1.0
"""An untuned program that takes longer is timed once, and announced, because it is run on all inputs."""


@dataclass(frozen=True)
class Case:
    """What is judged.

    Attributes:
        workload: The workload's line.
        target: The target as JSON.
        folder: Where results of the untuned program are kept.
        spec: Names the built-in workload whose numpy reference is asked as well; empty for none.
    """

    workload: str
    target: str
    folder: str
    spec: str = ""


@dataclass(frozen=True)
class Reference:
    """The untuned program, run on all inputs.

    Attributes:
        kinds: The inputs it was run on.
        seconds: Of one run.
        around_s: Seconds beside the run that inputs of one kind took: made, copied, kept.
        unsupported: Why nothing can be checked; empty where it can.
    """

    kinds: tuple[Kind, ...] = ()
    seconds: float = 0.0
    around_s: float = 0.0
    unsupported: str = ""


@dataclass(frozen=True)
class Judged:
    """What was seen of one record.

    Attributes:
        fault: Why it could not be run; empty where it could.
        worst: Largest deviation for each kind of inputs, in units of the tolerance.
        own_s: Seconds per run in each round of timing; none where the kernel is wrong.
        default_s: The same of the default, in the same rounds.
    """

    fault: str = ""
    worst: tuple[tuple[str, float], ...] = ()
    own_s: tuple[float, ...] = ()
    default_s: tuple[float, ...] = ()


def first(case: Case) -> Reference:
    """Run the untuned program on random inputs alone, to see that it can be checked and how long it takes."""
    try:
        program = facts(mod := kernels.module_of(case.workload))
        tolerances(program)
        given = inputs.arrays(program, inputs.RANDOM)
    except Unsupported as error:
        return Reference(unsupported=str(error))
    kernel = kernels.compiled(mod, fast_math.plain(kernels.target_of(case.target)))
    for _ in range(2):
        start = time.perf_counter()
        kernels.run(kernel, given, program.outputs)
        seconds = time.perf_counter() - start
        if seconds > LONG_S:
            break
    return Reference(seconds=seconds)


def refer(case: Case, seconds: float) -> Reference:
    """Run the untuned program, which takes so long, on inputs of every kind and keep its results."""
    program = facts(mod := kernels.module_of(case.workload))
    kernel = kernels.compiled(mod, fast_math.plain(kernels.target_of(case.target)))
    kinds, start = [], time.perf_counter()
    for kind in inputs.KINDS:
        keep(case.folder, kind, kernels.run(kernel, inputs.arrays(program, kind), program.outputs))
        kinds.append(kind)
    around_s = max(0.0, (time.perf_counter() - start) / len(kinds) - seconds)
    for scale in inputs.LARGE:
        large = Kind("large", scale=scale)
        results = kernels.run(kernel, inputs.arrays(program, large), program.outputs)
        if all(np.isfinite(plain(result)).all() for result in results):
            keep(case.folder, large, results)
            kinds.append(large)
            break
    return Reference(tuple(kinds), seconds, around_s)


def judge(case: Case, record: str, kinds: Sequence[Kind]) -> Judged:
    """Replay and build a record, compare its numbers, and time it in turns with the default where they are right."""
    try:
        module = kernels.schedule_of(case.workload, record).mod
    except Exception as error:  # the worker's edge: what TVM raises at a foreign trace has no common type
        return Judged(fault=f"does not replay: {last_line(error)[:200]}")
    target, mod = kernels.target_of(case.target), kernels.module_of(case.workload)
    try:
        kernel = kernels.compiled(module, target)
    except Exception as error:  # as above
        return Judged(fault=f"does not build: {last_line(error)[:200]}")
    default, program = kernels.compiled(mod, fast_math.plain(target)), facts(mod)
    seen = {kind.name: off_default(case.folder, kernel, default, program, kind) for kind in kinds}
    if case.spec:
        seen["numpy"] = off_reference(kernel, parse(case.spec), target)
    if max(seen.values()) > 1.0:
        return Judged(worst=tuple(seen.items()))
    given = inputs.arrays(program, inputs.RANDOM)
    timed, call = kernels.packed_ahead(module, target, given) or (kernel, given)
    own, others = kernels.in_turns([timed, default], [call, given])
    # Once more: a race shows only now and then.
    seen["random"] = max(seen["random"], off_default(case.folder, kernel, default, program, inputs.RANDOM))
    return Judged("", tuple(seen.items()), tuple(own), tuple(others))


def together(case: Case, records: Sequence[str]) -> list[float]:
    """Median seconds per run of several records, timed in turns; an empty one is the default."""
    mod, target = kernels.module_of(case.workload), kernels.target_of(case.target)
    modules = [kernels.schedule_of(case.workload, record).mod if record else mod for record in records]
    given = inputs.arrays(facts(mod), inputs.RANDOM)
    built = [
        kernels.packed_ahead(module, target, given) or (kernels.compiled(module, target), given) for module in modules
    ]
    return kernels.medians([kernel for kernel, _ in built], [call for _, call in built])
