"""LiteCoOp: one shared Monte-Carlo tree in which a pool of language models tunes TVM programs (arXiv 2602.01935)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tvm_litecoop._version import __version__

if TYPE_CHECKING:
    from tvm_litecoop.config import SearchConfig
    from tvm_litecoop.models.pool import Pool as ModelPool
    from tvm_litecoop.strategy import LiteCoOpStrategy

__all__ = ["LiteCoOpStrategy", "ModelPool", "SearchConfig", "__version__"]

_HOMES = {
    "LiteCoOpStrategy": ("tvm_litecoop.strategy", "LiteCoOpStrategy"),
    "ModelPool": ("tvm_litecoop.models.pool", "Pool"),
    "SearchConfig": ("tvm_litecoop.config", "SearchConfig"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: TVM must not be loaded before its version is checked and its threads are set."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from tvm_litecoop.compat import check_versions

    check_versions()
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
