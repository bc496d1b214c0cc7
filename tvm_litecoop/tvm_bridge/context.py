"""What the search needs of TVM's TuneContext, without holding it: the context holds the strategy, in C++, for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm.s_tir import meta_schedule as ms


@dataclass(frozen=True)
class Context:
    """The facts of one TuneContext, under TVM's names.

    A strategy that kept the TuneContext itself would form a cycle through C++ that Python cannot collect, and every
    task of a long session would stay in memory.
    """

    task_name: str
    mod: Any
    target: Any
    space_generator: Any
    num_threads: int
    rand_state: int

    @classmethod
    def of(cls, context: Any) -> Context:
        """The facts of a TuneContext as they are now."""
        return cls(
            str(context.task_name or "main"),
            context.mod,
            context.target,
            context.space_generator,
            int(context.num_threads),
            int(context.rand_state),
        )

    def for_cost_model(self) -> Any:
        """A TuneContext with module and target alone, which is what cost models read."""
        return ms.TuneContext(self.mod, target=self.target, num_threads=self.num_threads)


def identity(mod: Any, target: Any) -> str:
    """What the journal knows a task by: its workload and target."""
    return f"{int(tvm_ffi.structural_hash(mod)):x} {target}"
