"""What a model is: a Relax module, its inputs, and who says what it must answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Reference = Callable[[Sequence[Array]], "list[Array]"]
MAIN = "main"


@dataclass(frozen=True)
class Argument:
    """One input: its name in the file, shape and dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype} {'x'.join(map(str, self.shape)) or 'scalar'}"


@dataclass(frozen=True)
class Model:
    """One model to tune.

    Attributes:
        spec: As given on the command line.
        mod: Relax IRModule with a function "main" of static inputs; weights are constants in it.
        inputs: In call order.
        reference: Inputs -> the outputs that are right; None where nobody can say.
        checked_by: Whose answers these are; where there is no reference, why.
        examples: Inputs that came with the model; None to draw some.
    """

    spec: str
    mod: Any = field(repr=False, compare=False)
    inputs: tuple[Argument, ...]
    reference: Reference | None = field(repr=False, compare=False)
    checked_by: str
    examples: tuple[Array, ...] | None = field(default=None, repr=False, compare=False)

    def arrays(self, seed: int = 1) -> list[Array]:
        """Inputs to run it on: those that came with it, else random ones."""
        return list(self.examples) if self.examples is not None else drawn(self.inputs, seed)


def drawn(inputs: Sequence[Argument], seed: int = 1) -> list[Array]:
    """Random inputs: floats are normal, integers (they may be indices) 0 and 1. The same seed gives the same arrays."""
    rng = np.random.default_rng(seed)
    found: list[Array] = []
    for one in inputs:
        kind = np.dtype(one.dtype)
        if kind.kind in "iub":
            found.append(rng.integers(0, 2, size=one.shape).astype(kind))
        else:
            found.append(np.asarray(rng.standard_normal(one.shape, dtype=np.float32)).astype(kind))
    return found
