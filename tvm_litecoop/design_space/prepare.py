"""What is done to a program before TVM's schedule rules see it: padding, packing, and what they may not inline."""

from __future__ import annotations

from typing import Any

from tvm_litecoop.design_space import keeping, packing, padding
from tvm_litecoop.design_space.contraction import blocks_of
from tvm_litecoop.measure.cold import weights_of
from tvm_litecoop.nest import Machine


def prepare(schedule: Any, machine: Machine) -> set[str]:
    """Prepare the program of a schedule, which is changed in place.

    Returns:
        The names of the blocks that shall not be inlined: copies that were made on purpose, and computations that would
        be repeated. Empty where there is nothing to prepare.
    """
    before = set(blocks_of(schedule.mod))
    if not before:
        return set()
    weights = _weights(schedule.mod)
    padding.pad(schedule, machine, weights)
    packing.pack(schedule, weights)
    return (set(blocks_of(schedule.mod)) - before) | keeping.kept(schedule)


def _weights(mod: Any) -> set[str]:
    """Buffers that TVM packs in advance, each in the layout of its kernel (`RewriteLayout`); they are left to it."""
    (func,) = mod.functions.values()
    return {str(func.params[position].name) for position in weights_of(mod)}
