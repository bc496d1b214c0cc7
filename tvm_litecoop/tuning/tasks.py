"""Which tasks of a model are worth their trials: those that tuning can make the model faster with.

Every task is timed untuned. What it could take is the roofline of the machine. A task whose whole gain is a small
share of what the tuned model would take is left out, and so are those that too few trials cannot reach.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import tvm_ffi
from tvm import relax
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.analysis import estimate_tir_flops
from tvm.s_tir.schedule import ScheduleError

from tvm_litecoop.errors import last_line
from tvm_litecoop.measure.arguments import bytes_of
from tvm_litecoop.measure.cold import weights_of
from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.measure.tools import warm_tools
from tvm_litecoop.nest import Machine
from tvm_litecoop.tuning.request import BATCH
from tvm_litecoop.tvm_bridge.arguments import args_of, refusal
from tvm_litecoop.tvm_bridge.machine import machine_of
from tvm_litecoop.tvm_bridge.records import mean_seconds

SCHEDULED = "tirx.is_scheduled"
"""TVM's mark of a function that somebody has scheduled."""
LEAST_SHARE = 0.005
"""Of the tuned model's time, what tuning a task must be able to save."""
REACHED = 0.5
"""Of the roofline, what a good kernel reaches."""
BYTES_PER_CYCLE = (32.0, 12.0, 4.0)
"""What one core moves from L2, from L3, from memory. In the expert's arithmetic, which only ranks, it is twice that."""
GHZ = 3.0
"""Clock of a machine that does not tell."""


@dataclass(frozen=True)
class ModelTask:
    """One kernel of a model.

    Attributes:
        extracted: TVM's `ExtractedTask`.
        untuned_s: Seconds of the untuned kernel; None where it could not be timed.
        bound_s: Seconds that a good kernel would take.
        left_out: Why it is not tuned; empty where it is.
    """

    extracted: Any
    untuned_s: float | None = None
    bound_s: float = 0.0
    left_out: str = ""

    @property
    def name(self) -> str:
        """TVM's name of it."""
        return str(self.extracted.task_name)

    @property
    def weight(self) -> int:
        """How often the model calls it."""
        return int(self.extracted.weight)

    @property
    def mod(self) -> Any:
        """The untuned program."""
        return self.extracted.dispatched[0]

    @property
    def digest(self) -> str:
        """The same for the same program, in any process."""
        return f"{int(tvm_ffi.structural_hash(self.mod)):x}"

    def on(self, target: Any) -> ModelTask:
        """The task for another target of the same kind."""
        given = self.extracted
        own = ms.ExtractedTask(given.task_name, given.mod, target, list(given.dispatched), given.weight)
        return replace(self, extracted=own)

    @property
    def gain_s(self) -> float:
        """Seconds that tuning can save in one run of the model; unknown counts as much."""
        return self.weight * max(0.0, self.untuned_s - self.bound_s) if self.untuned_s is not None else math.inf

    @property
    def least_s(self) -> float:
        """Seconds of one run of the model that good kernels would take."""
        return self.weight * self.bound_s


def tasks_of(mod: Any, target: Any, params: dict[str, Any] | None = None) -> list[ModelTask]:
    """The different kernels of a module that was legalized and fused; the same kernel comes once.

    Those that TVM turns into views of their input, those that have a schedule, and those of dynamic shape are left out.
    """
    extracted = ms.relax_integration.extract_tasks(mod, target, params)
    return [ModelTask(one, left_out=untunable(one.dispatched[0])) for one in extracted]


def untunable(mod: Any) -> str:
    """Why a kernel is none to be tuned; empty where it is one."""
    functions = mod.functions.values()
    if any(func.attrs and func.attrs.get(SCHEDULED, False) for func in functions):
        return "has a schedule already"
    if all(relax.analysis.has_reshape_pattern(func) for func in functions):
        return "a reshape, which costs nothing"
    return refusal(mod)


def timed(
    tasks: Sequence[ModelTask],
    target: Any,
    known: Mapping[str, float | None] | None = None,
    tools: dict[str, Any] | None = None,
) -> list[ModelTask]:
    """The tasks with the seconds that they take untuned, and those that a good kernel would take.

    Args:
        tasks: Of one model; those left out already are not timed.
        target: For which machine.
        known: Seconds by digest, from an earlier run; what could not be timed then is tried again.
        tools: `builder` and `runner`; warm ones for None, where something is to be timed.
    """
    machine, times = machine_of(target), dict(known or {})
    missing = [task for task in tasks if not task.left_out and times.get(task.digest) is None]
    if missing:
        opened: AbstractContextManager[dict[str, Any]] = (
            warm_tools(batch=BATCH, cold_weights=weights_stay_cold(tasks, machine))
            if tools is None
            else nullcontext(tools)
        )
        with opened as given:
            seconds = untuned_seconds([task.mod for task in missing], target, given)
        times.update({task.digest: one for task, one in zip(missing, seconds, strict=True)})
    return [
        task if task.left_out else replace(task, untuned_s=times[task.digest], bound_s=bound(task.mod, machine))
        for task in tasks
    ]


def schedulable(tasks: Sequence[ModelTask], target: Any) -> list[ModelTask]:
    """The tasks, without those that TVM's schedule rules fail on: one of these would end a run on all."""
    load_tensor_intrinsics()  # the rules would, slowly
    return [task if task.left_out else replace(task, left_out=_unschedulable(task.mod, target)) for task in tasks]


def _unschedulable(mod: Any, target: Any) -> str:
    why = failing(mod, target)
    return f"TVM's schedule rules fail on it: {why}" if why else ""


def choose(tasks: Sequence[ModelTask], most: int) -> list[ModelTask]:
    """Say of each task whether it is tuned; those with the largest gain come first.

    Args:
        tasks: Timed.
        most: Tasks that the trials suffice for.
    """
    known = sorted((task for task in tasks if not task.left_out), key=lambda task: (-task.gain_s, -task.least_s))
    least = LEAST_SHARE * sum(task.weight * min(task.untuned_s or 0.0, task.bound_s) for task in known)
    said = []
    for number, task in enumerate(known):
        why = ""
        if task.gain_s < least:
            why = f"tuning can save less than {LEAST_SHARE:.1%} of the tuned model's time"
        elif number >= max(1, most):
            why = "too few trials for so many tasks"
        said.append(replace(task, left_out=why))
    return said + [task for task in tasks if task.left_out]


def weights_stay_cold(tasks: Sequence[ModelTask], machine: Machine) -> bool:
    """Whether no cache of a CPU can keep the weights of a model, as far as they are packed, from run to run."""
    return machine.kind == "llvm" and sum(task.weight * _weight_bytes(task.mod) for task in tasks) > machine.l3_bytes


def untuned_seconds(mods: Sequence[Any], target: Any, tools: dict[str, Any]) -> list[float | None]:
    """Seconds of untuned kernels; None for one that does not build or run."""
    builds = tools["builder"].build([ms.builder.BuilderInput(mod, target) for mod in mods])
    seconds: list[float | None] = [None] * len(mods)
    device = "cpu" if target.kind.name == "llvm" else str(target.kind.name)
    for number, (mod, build) in enumerate(zip(mods, builds, strict=True)):
        if build.error_msg is None:
            job = ms.runner.RunnerInput(build.artifact_path, device, args_of(mod))
            future = tools["runner"].run([job])[0]
            seconds[number] = mean_seconds(future.result().run_secs)
    return seconds


def bound(mod: Any, machine: Machine) -> float:
    """Seconds that a good kernel would take: the larger of arithmetic and memory, at what is reached of the peak."""
    ghz = machine.ghz or GHZ
    peak = machine.peak_gflops or replace(machine, ghz=ghz).peak_gflops
    moved = sum(bytes_of(arg.as_json()) for arg in args_of(mod))
    holding = (machine.l2_bytes * machine.cores, machine.l3_bytes, math.inf)  # data of a model lie where they fit
    near = next(rate for rate, size in zip(BYTES_PER_CYCLE, holding, strict=True) if moved <= size)
    rate = near * ghz * machine.cores
    return float(max(estimate_tir_flops(mod) / peak, moved / rate) / 1e9 / REACHED)


def failing(mod: Any, target: Any) -> str:
    """Why TVM's schedule rules make no design space; empty where they make one."""
    try:
        ms.TuneContext(mod, target=target, space_generator="post-order-apply", rand_state=1).generate_design_space()
    except (ScheduleError, IndexError, RuntimeError, ValueError) as error:
        return last_line(error)
    return ""


def _weight_bytes(mod: Any) -> int:
    params = next(iter(mod.functions.values())).params
    weights = [params[position] for position in weights_of(mod)]  # constants, of known shape
    return sum(bytes_of(("TENSOR", str(one.dtype), [int(extent) for extent in one.shape])) for one in weights)
