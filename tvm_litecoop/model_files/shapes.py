"""Shapes given by `--shape name=1x3x224x224`, and what is said of inputs that need one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_litecoop.errors import WorkloadError

Shapes = Mapping[str, tuple[int, ...]]

NAMELESS = "?"
"""A dimension that is not known, and may be another one in each place."""


def parse(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shapes by input name.

    Raises:
        WorkloadError: A text is not of the form.
    """
    found = {}
    for text in texts:
        name, _, dims = text.rpartition("=")
        try:
            shape = tuple(int(extent) for extent in dims.split("x"))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            raise WorkloadError(f"--shape {text!r} is not of the form", "for example --shape input=1x3x224x224")
        found[name] = shape
    return found


def settle(spec: str, known: Mapping[str, Sequence[int | str]], given: Shapes) -> dict[str, tuple[int, ...]]:
    """The static shape of every input.

    Args:
        spec: The model's file.
        known: By input its shape in the file; a text stands for a dimension that is not known.
        given: From the command line.

    Raises:
        WorkloadError: A dimension is left open, or a given shape does not fit.
    """
    for name, shape in given.items():
        if name not in known:
            raise WorkloadError(f"--shape: {spec} has no input {name!r}", f"it has {', '.join(known)}")
        dims = known[name]
        fits = len(dims) == len(shape) and all(
            isinstance(dim, str) or dim == extent for dim, extent in zip(dims, shape, strict=True)
        )
        if not fits:
            raise WorkloadError(
                f"--shape: input {name!r} of {spec} is {shown(dims)}", f"--shape {name}={example(dims)}"
            )
    found = {}
    for name, dims in known.items():
        unknown = [(number, dim) for number, dim in enumerate(dims) if isinstance(dim, str)]
        if unknown and name not in given:
            number, dim = unknown[0]
            raise WorkloadError(
                f"{spec}: dimension {number} ({dim}) of input {name!r} is dynamic: {shown(dims)}",
                f"say which shape to tune for: --shape {name}={example(dims)}",
            )
        found[name] = given[name] if name in given else tuple(int(dim) for dim in dims)
    _agree(spec, known, found)
    return found


def _agree(spec: str, known: Mapping[str, Sequence[int | str]], found: Shapes) -> None:
    """See that a dimension of one name has one extent.

    Raises:
        WorkloadError: It has two.
    """
    extents: dict[int | str, int] = {}
    for name, dims in known.items():
        for dim, extent in zip(dims, found[name], strict=True):
            if isinstance(dim, str) and dim != NAMELESS and extents.setdefault(dim, extent) != extent:
                raise WorkloadError(
                    f"--shape: dimension {dim} of {spec} is {extents[dim]}, but {extent} in input {name!r}",
                    "give it the same extent in all inputs",
                )


def shown(dims: Sequence[int | str]) -> str:
    """A shape for a person."""
    return "x".join(map(str, dims)) or "scalar"


def example(dims: Sequence[int | str]) -> str:
    """A shape that would do."""
    return "x".join("1" if isinstance(dim, str) else str(dim) for dim in dims)
