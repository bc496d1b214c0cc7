"""What a tuned model is held against: its untuned program, and the right outputs. Made before anything is tuned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.model_files.model import Array, Model
from tvm_litecoop.model_files.reading import line_of
from tvm_litecoop.tuning.end_to_end import Running, allowed, deviation
from tvm_litecoop.tuning.lowering import by_default


@dataclass(frozen=True)
class Yardstick:
    """Of one model.

    Attributes:
        inputs: What all programs are run on.
        untuned: The program that TVM makes by default.
        expected: The right outputs; those of the untuned program where nobody else knows.
        checked_by: Whose these are.
        allowed: How far outputs may be off, in words.
    """

    inputs: list[Array]
    untuned: Running
    expected: list[Array]
    checked_by: str
    allowed: str


def measured_by(model: Model, target: Any, say: Callable[[str], object]) -> Yardstick:
    """Run the untuned model, and ask who knows what it must answer.

    Raises:
        WorkloadError: TVM cannot compile or run the model, or its outputs are wrong before anything is tuned.
    """
    try:
        inputs = model.arrays()
        untuned = Running(by_default(model.mod, target))
        own = untuned(inputs)
        plain = Yardstick(inputs, untuned, own, f"the untuned model ({model.checked_by})", allowed(own))
    except Exception as error:  # passes, code generation and kernels raise anything; arrays may be too large
        raise WorkloadError(
            f"{model.spec}: TVM cannot run the untuned model: {line_of(error)}", "try the same model in another format"
        ) from None
    if model.reference is None:
        return plain
    try:
        expected = model.reference(inputs)
        off = deviation(own, expected)
        found = replace(plain, expected=expected, checked_by=model.checked_by, allowed=allowed(expected))
    except Exception as error:  # a foreign library
        why = f"not checked: {model.checked_by} fails on it: {line_of(error)}"
        say(f"{model.spec}: {why}")
        return replace(plain, checked_by=f"the untuned model ({why})")
    if off > 1.0:
        raise WorkloadError(
            f"{model.spec}: TVM mistranslates it: untuned, its outputs are {off:.3g} times as far from those of "
            f"{model.checked_by} as is allowed",
            "try the same model in another format",
        )
    return found
