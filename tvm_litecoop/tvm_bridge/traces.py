"""TVM traces as plain decisions: reading them, writing them, and telling which sketch a trace came from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from tvm.s_tir.schedule import Trace

from tvm_litecoop.sites import Value

SAMPLING = frozenset({"SamplePerfectTile", "SamplePartitionedTile", "SampleCategorical", "SampleComputeLocation"})


def sampling_instructions(trace: Any) -> list[Any]:
    """The instructions of a trace that carry a decision, in order, postprocessing left out."""
    found = []
    for inst in trace.insts:
        kind = inst.kind.name
        if kind == "EnterPostproc":
            break
        if kind in SAMPLING:
            found.append(inst)
    return found


def decisions_of(trace: Any) -> tuple[Value, ...]:
    """Every decision of a trace, in order of its sampling instructions."""
    decisions = trace.decisions
    return tuple(_plain(decisions[inst]) for inst in sampling_instructions(trace))


def with_decisions(trace: Any, sampling: Sequence[Any], decisions: Sequence[Value]) -> Any:
    """The same instructions with other decisions; `sampling` as from `sampling_instructions(trace)`."""
    return Trace(trace.insts, {inst: _tvm(value) for inst, value in zip(sampling, decisions, strict=True)})


def without_decisions(trace: Any) -> Any:
    """The same instructions with no decision: TVM draws every one when it is replayed."""
    return Trace(trace.insts, {})


def signature(trace: Any) -> str:
    """What identifies the sketch of a trace: its instructions, inputs and attributes; no decisions, no postprocs."""
    instructions, _ = trace.simplified(True).as_json()
    return str(instructions)


def _plain(decision: Any) -> Value:
    return int(decision) if isinstance(decision, int) else _shared(tuple(int(factor) for factor in decision))


@cache
def _shared(factors: tuple[int, ...]) -> tuple[int, ...]:
    """The one tuple of these factors: the programs of a large tree share their tilings."""
    return factors


def _tvm(value: Value) -> Any:
    return value if isinstance(value, int) else list(value)
