"""What sets the design spaces of a task apart: reductions that they factor (`rfactor`), and whether they are prepared.

TVM's rule splits the loop of a reduction in two and makes either part a dimension of partial results (`AddRFactor`,
src/s_tir/meta_schedule/schedule_rule/add_rfactor.cc). The inner part of a loop along which memory is contiguous makes
lanes: a sum over a row is otherwise a chain of scalar additions, each waiting for the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

from tvm.s_tir.schedule import Schedule

from tvm_litecoop.nest import Block, Machine
from tvm_litecoop.tvm_bridge.nests import read_block
from tvm_litecoop.view import Traits


def traits_of(mod: Any, traces: Sequence[Any], machine: Machine) -> tuple[Traits, ...]:
    """What sets each design space apart.

    Args:
        mod: The untuned module.
        traces: Of the design spaces.
        machine: TVM's own rules for GPUs do what only prepared programs do on a CPU.
    """
    schedule = Schedule(mod)

    @cache
    def untuned(name: str) -> Block:
        return read_block(schedule, schedule.get_sblock(name))

    kinds = [Counter(str(inst.kind.name) for inst in trace.insts) for trace in traces]
    inlined = max((one["ComputeInline"] for one in kinds), default=0)
    found = []
    for trace, one in zip(traces, kinds, strict=True):
        splits = _factorings(trace)
        others = [name for name, inner in splits if not (inner and _along_rows(untuned(name)))]
        lanes, results = len(splits) - len(others), min((_results(untuned(name)) for name in others), default=0)
        prepared = one["PadEinsum"] or one["TransformLayout"] or one["ComputeInline"] < inlined
        found.append(Traits(len(splits), lanes, results, bool(prepared) and machine.kind == "llvm"))
    return tuple(found)


def _factorings(trace: Any) -> list[tuple[str, bool]]:
    """Block of each factored reduction, and whether it is the inner part of its loop that became a dimension."""
    names: dict[Any, str] = {}  # block or loop -> name of the block
    inner: set[Any] = set()
    found = []
    for inst in trace.insts:
        kind = inst.kind.name
        if kind == "GetSBlock":
            names[inst.outputs[0]] = str(inst.attrs[0])
        elif kind in ("GetLoops", "Fuse", "Split") and inst.inputs[0] in names:
            names.update(dict.fromkeys(inst.outputs, names[inst.inputs[0]]))
            if kind == "Split":
                inner.add(inst.outputs[-1])
        elif kind == "RFactor" and inst.inputs[0] in names:
            found.append((names[inst.inputs[0]], inst.inputs[0] in inner))
    return found


def _results(block: Block) -> int:
    return prod(max(1, axis.extent) for axis in block.axes if not axis.reduction)


def _along_rows(block: Block) -> bool:
    """Whether memory is contiguous along a reduction, and along no other loop."""
    steps = [(axis.reduction, read.stride(number)) for number, axis in enumerate(block.axes) for read in block.reads]
    return (True, 1) in steps and (False, 1) not in steps
