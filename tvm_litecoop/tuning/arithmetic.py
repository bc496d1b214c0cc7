"""Whether a run uses fast math (`tvm_litecoop.fast_math`): what was asked for, what fits, what its directory holds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tvm_litecoop import fast_math
from tvm_litecoop.certify import kernels, records
from tvm_litecoop.errors import ConfigError, WorkDirError
from tvm_litecoop.tuning.request import Request

logger = logging.getLogger(__name__)


def chosen(asked: bool | None, target: Any, requests: Sequence[Request], *, whole_model: bool) -> Any:
    """The target of a run, with fast math or without.

    A model gets it on a CPU, unless its work directory has records without it and none with it: these would be lost.

    Args:
        asked: By the user; None where nothing was said.
        target: As the user named it.
        requests: What is to be run; the last is the one that counts.
        whole_model: Whether it is a model.

    Raises:
        ConfigError: It is asked for where TVM's own tools would not use it.
        TargetError: It is asked for, and the target is no CPU.
    """
    if asked is False:
        return fast_math.plain(target)
    *others, last = requests
    ours = last.strategy == "litecoop" and not last.stock
    if asked:
        if not ours:
            raise ConfigError("--fast-math is for our search and tools", "leave out --strategy and --stock")
        if others and not whole_model:
            raise ConfigError("kernels are compared with the same arithmetic", "leave out --fast-math or --compare")
        return fast_math.fast(target)
    if not whole_model or not ours or target.kind.name != "llvm":
        return target
    fast = fast_math.fast(target)
    known = _targets(last)
    if str(fast) != str(target) and str(target) in known and str(fast) not in known:
        logger.warning("%s has records without fast math: going on without (--fast-math for one with)", last.directory)
        return target
    return fast


def of(request: Request, target: Any) -> Any:
    """The target of one of several runs: TVM's own builder has no fast math."""
    return fast_math.plain(target) if request.stock else target


def _targets(request: Request) -> set[str]:
    """Of the records in the work directory, unless they are set aside."""
    if request.fresh:
        return set()
    found = set[str]()
    with suppress(WorkDirError):
        for task in records.read(request.directory).tasks:
            with suppress(RuntimeError, ValueError, TypeError, KeyError):  # a target that this TVM does not know
                found.add(str(kernels.target_of(task.target)))
    return found
