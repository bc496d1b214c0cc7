"""A family of built-in workloads: a name, the form of its shape text, and the function that makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import WorkloadError
from .base import Workload
from .shape import read


@dataclass(frozen=True)
class Family:
    """Workloads that differ in shape only.

    Attributes:
        name: The word before the colon, for example "conv2d".
        about: What it computes, in one line.
        form: The text after the colon with names for its numbers, for example
            `NxHxWxC,KHxKW,F[,sSTRIDE][,pPAD]`; see `shape.read`.
        default: The text after the colon that `name` alone stands for.
        make: Called with one keyword per number of `form`, in lower case; an option left out is not passed.
    """

    name: str
    about: str
    form: str
    default: str
    make: Callable[..., Workload]

    @property
    def expected(self) -> str:
        """The form and an example, for messages and for the command line's help."""
        return f"expected {self.name}:{self.form}, for example {self.name}:{self.default}"

    def workload(self, shape: str) -> Workload:
        """Makes the workload of a shape text.

        Raises:
            WorkloadError: The text does not have this family's form, or no such workload can exist.
        """
        try:
            extents = read(self.form, shape)
        except ValueError as error:
            raise WorkloadError(f"{self.name}: {error}", self.expected) from None
        return self.make(**extents)
