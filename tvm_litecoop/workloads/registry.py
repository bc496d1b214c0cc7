"""The built-in workloads by name, and `parse`, which turns what a user types into a workload."""

from __future__ import annotations

import difflib

from ..errors import WorkloadError
from .attention import ATTENTION
from .base import Workload
from .conv import CONV2D, DEPTHWISE
from .elementwise import ADD
from .family import Family
from .matmul import BATCH_MATMUL, MATMUL
from .mlp import MLP
from .moe import MOE
from .rowwise import LAYERNORM, SOFTMAX
from .user_file import is_user_file, load

_ALL = (MATMUL, BATCH_MATMUL, CONV2D, DEPTHWISE, ATTENTION, MLP, MOE, SOFTMAX, LAYERNORM, ADD)

BUILTIN: dict[str, Family] = {family.name: family for family in _ALL}
"""Every built-in family by its name, in the order to show them."""


def parse(text: str) -> Workload:
    """Makes the workload a text names.

    Args:
        text: "name" (the default shape), "name:shape", or "path.py:attribute".

    Raises:
        WorkloadError: One line that says what is wrong with the text and what was expected.
    """
    name, colon, shape = text.partition(":")
    if is_user_file(text):
        return load(text)
    family = BUILTIN.get(name)
    if family is None:
        close = difflib.get_close_matches(name.lower(), BUILTIN, n=3)
        meant = f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(BUILTIN)}."
        raise WorkloadError(f"unknown workload {name!r}", f"{meant} Your own goes as path.py:attribute")
    return family.workload(shape if colon else family.default)
