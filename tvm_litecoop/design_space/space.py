"""`LiteCoOpSpace`: a TVM space generator with TVM's own design spaces and those of the prepared program.

TVM's `PostOrderApply` looks for blocks once, before any rule, so that none of its rules would see a block that a rule
made. Here they are applied to the prepared program as TVM does (post_order_apply.cc), blocks made on purpose included.
"""

from __future__ import annotations

import logging
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.schedule import Schedule, ScheduleError

from tvm_litecoop.design_space.contraction import ROOT, blocks_of
from tvm_litecoop.design_space.prepare import prepare
from tvm_litecoop.errors import last_line
from tvm_litecoop.tvm_bridge import traces
from tvm_litecoop.tvm_bridge.machine import machine_of

logger = logging.getLogger(__name__)

CUSTOM = "schedule_rule"
"""Annotation of blocks that bring a rule of their own; the others leave them alone."""


class LiteCoOpSpace(ms.space_generator.PostOrderApply):  # type: ignore[misc]
    """Design spaces for CPUs beyond the stock ones, for any strategy and every tuning function of TVM.

    ```python
    ms.tune_tir(mod, target, work_dir="w", max_trials_global=64, space=LiteCoOpSpace(), strategy=LiteCoOpStrategy())
    ```

    The stock design spaces are among them, so records of stock runs are used. For targets other than CPUs there are no
    others.
    """

    def __init__(self) -> None:
        super().__init__(sch_rules=[_Designs()], postprocs="from-target", mutator_probs="from-target")


@derived_object
class _Designs(ms.schedule_rule.PyScheduleRule):  # type: ignore[misc]
    """One rule that makes all design spaces, from the first block that it is shown."""

    def _initialize_with_tune_context(self, context: Any) -> None:
        self._stock = ms.space_generator.PostOrderApply()
        self._stock._initialize_with_tune_context(context)
        self._machine = machine_of(context.target, int(context.num_threads))

    def apply(self, schedule: Any, block: Any) -> list[Any]:
        if any(inst.kind.name != "GetSBlock" for inst in schedule.trace.insts):
            return [schedule]  # made already; TVM goes on with the next block
        stock = list(self._stock.generate_design_space(schedule.mod))
        if self._machine.kind != "llvm":
            return stock
        known = set(map(_signature, stock))
        return stock + [one for one in self._beyond(schedule) if _signature(one) not in known]

    def clone(self) -> Any:
        return _Designs()

    def _beyond(self, schedule: Any) -> list[Any]:
        """The design spaces of the prepared program; none where there is nothing to prepare or TVM's rules fail."""
        own = Schedule(schedule.mod, seed=schedule.fork_seed(), error_render_level="none")
        try:
            kept = prepare(own, self._machine)
            return _ruled(own, self._stock.sch_rules, kept) if kept else []
        except (ScheduleError, RuntimeError, ValueError) as error:
            logger.warning("no design spaces beyond TVM's own: %s", last_line(error))
            return []


def _signature(schedule: Any) -> str:
    return traces.signature(schedule.trace.simplified(True))


def _ruled(schedule: Any, rules: list[Any], kept: set[str]) -> list[Any]:
    """Apply each rule to each block, the last block first, as TVM's `PostOrderApply` does.

    Args:
        schedule: The prepared program.
        rules: TVM's rules for the target.
        kept: Blocks that shall not be inlined.
    """
    names = [*blocks_of(schedule.mod), ROOT]
    found = [schedule]
    for rule in rules:
        inlines, custom = _is(rule, "AutoInline"), _is(rule, "ApplyCustomRule")
        for name in reversed(names):
            if inlines and name in kept:
                continue
            found = [made for one in found for made in _applied(rule, one, name, custom)]
    return found


def _applied(rule: Any, schedule: Any, name: str, custom: bool) -> list[Any]:
    """What a rule makes of one block of a schedule; the schedule as it is where the block is gone, or is not for it."""
    try:
        block = schedule.get_sblock(name)
    except (ScheduleError, RuntimeError, ValueError):
        return [schedule]
    if not custom and CUSTOM in schedule.get(block).annotations:
        return [schedule]
    return list(rule.apply(schedule, block))


def _is(rule: Any, name: str) -> bool:
    return str(rule).split("(")[0].endswith(f".{name}")
