"""The bridge to TVM: the only place, with `measure` and the thin adapters on top, that imports `tvm.s_tir`.

task.py      one tuning task: contexts, candidates and results in TVM's terms
space.py     the programs of a task, behind the search's `Space` protocol
sketch.py    one design space: its decisions by name
nests.py     loop nests as plain facts
edits.py     proposals to decisions
replay.py    decisions to schedules
traces.py    decisions in and out of TVM traces
predict.py   TVM's cost model
records.py   TVM's database and the tree, each told what it lacks
machine.py   facts of a target
"""

from __future__ import annotations

import tvm_ffi

from tvm_litecoop import errors

# TVM calls us through its FFI, which turns an error it does not know by name into a plain RuntimeError.
for _error in (errors.SearchError, errors.ConfigError, errors.TargetError, errors.WorkDirError, errors.Interrupted):
    tvm_ffi.register_error(_error.__name__, _error)
tvm_ffi.register_error("KeyboardInterrupt", KeyboardInterrupt)  # Ctrl-C in what TVM calls of ours, outside of a run
