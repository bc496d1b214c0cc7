"""Replaying programs: trace, postprocs, identity. Uses the cores there are; TVM releases the GIL while it works."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import tvm_ffi
from tvm.s_tir.schedule import Schedule, ScheduleError

from tvm_litecoop.errors import last_line
from tvm_litecoop.tvm_bridge import traces
from tvm_litecoop.tvm_bridge.made import repeated
from tvm_litecoop.tvm_bridge.sketch import Sketch
from tvm_litecoop.values import Built, Program, Rejection, Why


class Replayed(NamedTuple):
    """A program that survived, with the schedule TVM measures."""

    built: Built
    schedule: Any


class Replayer:
    """Turns programs into schedules, several at a time.

    Args:
        mod: The untuned module.
        sketches: The design spaces.
        postprocs: TVM's postprocs of the space generator, initialized.
        threads: How many replays run at once.
    """

    def __init__(self, mod: Any, sketches: Sequence[Sketch], postprocs: Sequence[Any], threads: int) -> None:
        self._mod = mod
        self._sketches = sketches
        self._postprocs = list(postprocs)
        self._threads = ThreadPoolExecutor(max(1, threads), "litecoop-replay") if threads > 1 else None

    def replay(self, programs: Sequence[Program | tuple[int, int]]) -> list[Replayed | Rejection]:
        """Replay each program; `(sketch, seed)` lets TVM draw every decision of that sketch."""
        if self._threads is None or len(programs) < 2:
            return [self._one(program) for program in programs]
        return list(self._threads.map(self._one, programs))

    def close(self) -> None:
        """Stop the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)

    def _one(self, program: Program | tuple[int, int]) -> Replayed | Rejection:
        if isinstance(program, Program):
            sketch = self._sketches[program.sketch]
            trace = traces.with_decisions(sketch.trace, sketch.sampling, program.decisions)
            return self._apply(program.sketch, trace, seed=1, wanted=program)
        index, seed = program
        return self._apply(index, traces.without_decisions(self._sketches[index].trace), seed)

    def _apply(self, index: int, trace: Any, seed: int, wanted: Program | None = None) -> Replayed | Rejection:
        schedule = Schedule(self._mod, seed=seed, error_render_level="none")
        try:
            trace.apply_to_schedule(schedule, remove_postproc=True)
            schedule.enter_postproc()
        except (ScheduleError, RuntimeError, ValueError) as error:  # TVM's ways to refuse a trace
            return Rejection(Why.REPLAY, last_line(error))
        for postproc in self._postprocs:
            try:
                survived = postproc.apply(schedule)
            except (ScheduleError, RuntimeError, ValueError) as error:
                return Rejection(Why.POSTPROC, f"{_name(postproc)}: {last_line(error)}")
            if not survived:
                return Rejection(Why.POSTPROC, _name(postproc))
        again = repeated(schedule)
        if again:
            return Rejection(Why.POSTPROC, f"{again}: its sum is made again and again, and set back only once")
        program = Program(index, traces.decisions_of(schedule.trace))
        moved = self._moved(wanted, program) if wanted else ()
        return Replayed(Built(program, int(tvm_ffi.structural_hash(schedule.mod)), moved), schedule)

    def _moved(self, wanted: Program, program: Program) -> tuple[str, ...]:
        if wanted == program:
            return ()
        slots = self._sketches[program.sketch].slots
        triples = zip(slots, wanted.decisions, program.decisions, strict=True)
        return tuple(slot.name for slot, asked, got in triples if asked != got)


def _name(postproc: Any) -> str:
    return str(postproc).rsplit(".", 1)[-1].split("(")[0]
