"""Building and timing candidates: a TVM builder and a TVM runner with warm processes, for any strategy.

builder.py      WarmBuilder: LocalBuilder without its start-up at every call
export.py       export_shared: link in the builder, not in the runner
intrinsics.py   when a build needs TVM's tensor intrinsics, and their fast import
runner.py       AdaptiveRunner: LocalRunner that spends its time on good candidates
known_best.py   what the runner compares a candidate with
apart.py        the thread that calls a kernel, off the cores of TVM's others
cold.py         kernels timed with the weights of their model out of the caches
timing.py       how long one kernel is timed, on the worker
arguments.py    the kernel's arguments, kept between candidates, on the worker
workers.py      the pool of processes of both
process.py      one process
tools.py        both as our own entry points use them
"""

from __future__ import annotations

from tvm_litecoop.measure.builder import WarmBuilder
from tvm_litecoop.measure.export import EXPORT_SHARED, export_shared
from tvm_litecoop.measure.runner import AdaptiveRunner

__all__ = ["EXPORT_SHARED", "AdaptiveRunner", "WarmBuilder", "export_shared"]
