"""What can be tuned by name: built-in workloads with numpy references, and the user's own files.

        from tvm_litecoop.workloads import parse
        workload = parse("matmul:512x512x512")

To add a family: write its `te` definition, its reference and its `Family` in one file, and list it in
`registry.py`.
"""

from __future__ import annotations

from .base import Reference, Workload
from .family import Family
from .registry import BUILTIN, parse

__all__ = ["BUILTIN", "Family", "Reference", "Workload", "parse"]
