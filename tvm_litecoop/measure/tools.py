"""The warm builder and the adaptive runner as our own entry points use them, closed afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tvm_litecoop import cores
from tvm_litecoop.measure.builder import WarmBuilder
from tvm_litecoop.measure.export import check_linker, export_shared
from tvm_litecoop.measure.runner import AdaptiveRunner

BUILD_LIMIT_S = 15.0
"""A candidate that compiles longer is given up: it costs as much as a hundred others, and was never a good one."""
SLOW_BUILD = 20.0
"""So is one that takes this many times as long as most."""


@contextmanager
def warm_tools(
    on_leaving: Callable[[Callable[[], object]], object] | None = None,
    *,
    batch: int = 8,
    cold_weights: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[dict[str, Any]]:
    """`builder` and `runner` for TVM's tuning functions.

    Built kernels go to a directory that is removed at the end.

    Args:
        on_leaving: Told how to remove it where the process ends in the middle.
        batch: Programs that are built at a time; no more workers than these.
        cold_weights: Time kernels with the weights of their model out of the caches.
        meanwhile: What is done while kernels are built, such as `LiteCoOpStrategy.prepare`.

    Raises:
        LiteCoOpError: There is no C compiler to link kernels with.
    """
    check_linker()
    with tempfile.TemporaryDirectory(prefix="litecoop-") as kernels:
        if on_leaving is not None:
            on_leaving(partial(shutil.rmtree, kernels, ignore_errors=True))
        builder = WarmBuilder(
            f_export=export_shared,
            timeout_sec=BUILD_LIMIT_S,
            slow_ratio=SLOW_BUILD,
            max_workers=min(batch, cores.usable()),
            initializer=partial(_build_in, kernels),
            cold_weights=cold_weights,
            meanwhile=meanwhile,
        )
        runner = AdaptiveRunner()
        try:
            yield {"builder": builder, "runner": runner}
        finally:
            builder.close()
            runner.close()


def _build_in(directory: str) -> None:
    """Runs in each worker of the builder."""
    tempfile.tempdir = directory
