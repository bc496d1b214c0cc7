"""The bridge between the search and TVM: programs, measurements and facts in plain values.

task.py      one tuning task: candidates and results in TVM's terms
context.py   what the search needs of TVM's TuneContext, without holding it
space.py     the programs of a task, behind the search's `Space` protocol
sketch.py    one design space: its decisions by name
reader.py    a design space replayed once, and what was seen
locations.py where a block may be computed
traits.py    what sets the design spaces of a task apart
nests.py     loop nests as plain facts
made.py      what TVM made of a program
edits.py     proposals to decisions
replay.py    decisions to schedules
traces.py    decisions in and out of TVM traces
arguments.py the arguments of a candidate
predict.py   TVM's cost model
records.py   TVM's database and the tree, each told what it lacks
on_disk.py   whether the records of a run are in the files of its database
machine.py   facts of a target
"""

from __future__ import annotations

import tvm_ffi

from tvm_litecoop import errors

# TVM calls us through its FFI, which turns an error it does not know by name into a plain RuntimeError.
for _error in (errors.SearchError, errors.ConfigError, errors.TargetError, errors.WorkDirError, errors.Interrupted):
    tvm_ffi.register_error(_error.__name__, _error)
tvm_ffi.register_error("KeyboardInterrupt", KeyboardInterrupt)  # Ctrl-C in what TVM calls of ours, outside of a run
