"""A builder whose processes stay warm. Owns `WarmBuilder` and its workers' part."""

from __future__ import annotations

import logging
import math
import statistics
import time
import weakref
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import tvm
from tvm.ir.utils import derived_object
from tvm.runtime import load_param_dict, save_param_dict
from tvm.s_tir.meta_schedule.builder import BuilderResult, PyBuilder
from tvm.s_tir.meta_schedule.builder.local_builder import default_export
from tvm.s_tir.meta_schedule.utils import get_global_func_with_default_on_worker
from tvm.s_tir.transform import RemoveWeightLayoutRewriteBlock

from tvm_litecoop import cores, fast_math
from tvm_litecoop.measure import cold, export  # which registers `export_shared`, in every worker too
from tvm_litecoop.measure.intrinsics import index_frozen_modules, load_tensor_intrinsics
from tvm_litecoop.measure.workers import Outcome, WarmWorkers
from tvm_litecoop.passes import present_with
from tvm_litecoop.waiting import waiting

logger = logging.getLogger(__name__)

MAX_BUILDS = 500
"""Builds after which a worker is replaced. TVM restarts its workers at every call because they leaked. With
TVM 0.27 one stood at 241 MB after 50 builds of matmul schedules and after 1000, so this is insurance."""

WINDOW = 256
"""Newest builds of a kernel whose times count for `slow_ratio`."""
FEW = 4
"""Builds before any of them is called slow."""
LEAST_LIMIT_S = 2.0
"""No build is called slow that takes less. On a loaded machine all take longer, and the median with them."""
UNCHECKED = "tirx.disable_assert"
"""TVM's switch for kernels that trust their arguments: the runner's are right, and to compile the checks of shapes,
strides and types takes a fifth of the time of a small kernel. The code that computes is the same."""

F: TypeAlias = "Callable[..., Any] | str | None"
"""A function, the name of a function registered with TVM in the worker, or None for the default."""


@derived_object
class WarmBuilder(PyBuilder):  # type: ignore[misc]
    """Builds candidates in local processes that stay alive from call to call.

    Takes the arguments of `tvm.s_tir.meta_schedule.builder.LocalBuilder` and gives its results, with the same
    error texts and time-outs. Three things differ. The processes start in the background at construction, so a
    name that is not registered, or an `initializer` that fails, is reported by the first `build`. They see the
    `sys.path` of this process, so functions from your own modules need no initializer. And kernels do not check their
    arguments, where no `f_build` is given.

    When `build` returns, no worker computes: what is measured next is measured on a quiet machine.

    Args:
        max_workers: Number of processes; default the cores this process may use. Each holds about 250 MB.
        timeout_sec: Seconds one candidate may take to build and export.
        f_build: `(IRModule, Target, params) -> runtime.Module`; default `build_module`.
        f_export: `(runtime.Module) -> path`; default TVM's `default_export`, a tar, which also suits an RPC
            runner. For a local runner `export_shared` is faster.
        initializer: Runs in each new process, for instance to register functions.
        slow_ratio: A candidate that builds this many times as long as the median one of the same arguments, and over
            two seconds, has timed out, be it less than `timeout_sec`; `math.inf` for never.
        cold_weights: Note beside an artifact which arguments are constant weights of a model, for an `AdaptiveRunner`
            to time it with them out of the caches.
        meanwhile: Called at each `build`, on its thread, while the workers build; `build` returns when both are done.

    Attributes:
        waited_s: Seconds for which the builds were done and `meanwhile` was not.

    Raises:
        LiteCoOpError: `export_shared`, no C compiler to link with, and no `initializer` that may bring one.
    """

    def __init__(
        self,
        *,
        max_workers: int | None = None,
        timeout_sec: float = 30.0,
        f_build: F = None,
        f_export: F = None,
        initializer: Callable[[], None] | None = None,
        slow_ratio: float = math.inf,
        cold_weights: bool = False,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__()
        if f_export in (export.EXPORT_SHARED, export.export_shared) and initializer is None:  # which may bring one
            export.check_linker()
        self.slow_ratio, self.cold_weights = slow_ratio, cold_weights
        self.meanwhile, self.waited_s, self._thought = meanwhile, 0.0, 0.0
        self._seconds: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))  # of each kernel
        self.max_workers: int = max_workers or cores.usable()
        self.timeout_sec = timeout_sec
        self.initializer = initializer
        self.f_build = f_build
        self.f_export = f_export
        logger.info("WarmBuilder: max_workers = %d", self.max_workers)
        self._workers = WarmWorkers(
            self.max_workers,
            partial(_prepare, initializer, f_build, f_export),
            timeout_s=timeout_sec,
            max_uses=MAX_BUILDS,
        )
        weakref.finalize(self, self._workers.close)  # also at the exit of the interpreter

    def build(self, build_inputs: list[Any]) -> list[Any]:
        """Build and export candidates.

        Args:
            build_inputs: TVM's `BuilderInput`s.

        Returns:
            One `BuilderResult` per input, in their order: the path of the artifact, or the error text.

        Raises:
            Exception: What `initializer` raised in a new worker, or `meanwhile`; `ValueError` for an unregistered name.
            LiteCoOpError: After `close`; TVM's FFI passes it on as a RuntimeError of the same text.
        """
        jobs = [self._job(item) for item in build_inputs]
        kernels = [_kernel(item.mod) for item in build_inputs]
        limit_s = max(map(self._limit_s, kernels), default=math.inf)
        with waiting(f"building {len(jobs)} programs"):
            outcomes = self._workers.map(_build_and_export, jobs, limit_s, self._think)
            self._workers.settle()
        self.waited_s += max(0.0, self._thought - max((one.ended for one in outcomes), default=self._thought))
        for kernel, outcome in zip(kernels, outcomes, strict=True):
            self._seconds[kernel].append(outcome.seconds)
        return [self._result(outcome) for outcome in outcomes]

    def _think(self) -> None:
        self.meanwhile()
        self._thought = time.perf_counter()

    def close(self) -> None:
        """End the workers. Calling it again does nothing."""
        self._workers.close()

    def _limit_s(self, kernel: str) -> float:
        """Seconds a candidate may take, from what others of the same kernel took."""
        seconds = self._seconds[kernel]
        if len(seconds) < FEW:
            return math.inf
        return max(LEAST_LIMIT_S, self.slow_ratio * statistics.median(seconds))

    def _job(self, item: Any) -> tuple[Any, ...]:
        cold_ones = cold.weights_of(item.mod) if self.cold_weights else []
        return self.f_build, self.f_export, item.mod, item.target, _serialize(item.params), cold_ones

    def _result(self, outcome: Outcome) -> Any:
        return BuilderResult(outcome.value, outcome.error_text("LocalBuilder", self.timeout_sec))


def build_module(mod: Any, target: Any, _params: Any) -> Any:
    """TVM's `default_build`, with `UNCHECKED` on and without an import that most targets do not need (`intrinsics`).

    With fast math where the target asks for it (`fast_math`).

    Args:
        mod: The IRModule of one candidate.
        target: Its Target.

    Returns:
        The `tvm.runtime.Module`.
    """
    if target.kind.name not in ("llvm", "c"):
        load_tensor_intrinsics()
    with present_with(UNCHECKED), fast_math.switched(target):
        return tvm.tirx.build(RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=True)(mod), target=target)


def _kernel(mod: Any) -> str:
    """The same for all programs of a task: types and sizes of the arguments. A packed weight has another shape."""
    buffers = [buffer for func in mod.functions.values() for buffer in func.params]
    return str([(str(getattr(one, "dtype", "")), str(math.prod(getattr(one, "shape", ())))) for one in buffers])


def _build_and_export(
    f_build: F, f_export: F, mod: Any, target: Any, params: bytearray | None, cold_ones: list[int]
) -> str:
    build = get_global_func_with_default_on_worker(f_build, build_module)
    to_file = get_global_func_with_default_on_worker(f_export, default_export)
    artifact = str(to_file(build(mod, target, None if params is None else load_param_dict(params))))
    if cold_ones:
        cold.note(artifact, cold_ones)
    return artifact


def _prepare(initializer: Callable[[], None] | None, f_build: F, f_export: F) -> None:
    index_frozen_modules()  # for an f_build that imports the intrinsics, as TVM's default_build does
    if initializer is not None:
        initializer()
    get_global_func_with_default_on_worker(f_build, build_module)
    get_global_func_with_default_on_worker(f_export, default_export)


def _serialize(params: Any) -> Any:
    return None if params is None else save_param_dict(params)
