"""Record by record until one is certified, down to the untuned program. Decides; `judge` measures."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tvm_litecoop.certify.certificate import (
    CERTIFIED,
    CRASHED,
    HUNG,
    LUCKY,
    RIGHT,
    SLOW,
    UNUSABLE,
    WRONG,
    TaskCertificate,
    Verdict,
)
from tvm_litecoop.certify.examiner import Examiner
from tvm_litecoop.certify.inputs import KINDS
from tvm_litecoop.certify.judge import LONG_S, Case, Judged, Reference
from tvm_litecoop.certify.kernels import target_of
from tvm_litecoop.certify.records import Record, Task
from tvm_litecoop.errors import last_line
from tvm_litecoop.intervals import Interval, interval
from tvm_litecoop.tvm_bridge.machine import lacking

TOP = 5
"""Records of a task that are tried."""
LUCKY_RATIO = 3.0
"""A kernel that takes so many times its recorded time was not timed right. Unless the others are as far off: then the
machine is slower than it was."""
CLEARLY = 0.97
"""Of the time of another, what a record has to take in a rematch to be preferred."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Seen:
    """A record that was judged; its ratios to the default and to the recorded time where it was timed."""

    record: Record
    judged: Judged
    ratio: Interval | None = None
    slowdown: Interval | None = None

    @classmethod
    def of(cls, record: Record, judged: Judged) -> _Seen:
        if not judged.own_s:
            return cls(record, judged)
        pairs = zip(judged.own_s, judged.default_s, strict=True)
        recorded = [seconds / record.seconds for seconds in judged.own_s]
        return cls(record, judged, interval([[own / default for own, default in pairs]]), interval([recorded]))


def certify(
    task: Task, examiner: Examiner, say: Say, *, top: int = TOP, spec: str = "", rematch: bool = False
) -> TaskCertificate:
    """Find the kernel of a task that may be called right and faster.

    Args:
        task: Its records are tried in the order of their recorded times.
        examiner: Runs them.
        say: Told what takes long.
        top: So many at most.
        spec: The built-in workload whose numpy reference is asked as well.
        rematch: Time the others in turns with the first right one, and take a faster one that is right as well: a
            recorded time is of one moment, and the best is often a lucky one.
    """
    if task.kind != "llvm":
        return TaskCertificate(task, unchecked=f"no check on {task.kind} yet")
    if missing := _missing(task):
        return TaskCertificate(task, unchecked=missing)
    with tempfile.TemporaryDirectory(prefix="litecoop-") as folder:
        case = Case(task.workload, task.target, folder, spec)
        reference = examiner.first(case)
        if reference.seconds > LONG_S:
            took, kinds = f"{reference.seconds:.1f} s", len(KINDS) + 1
            say(f"task {task.number}: the untuned program takes {took} and is run on {kinds} kinds of inputs")
        if not reference.unsupported:
            reference = examiner.refer(case, reference.seconds)
        if reference.unsupported:
            return TaskCertificate(task, unchecked=reference.unsupported)
        seen: list[_Seen] = []
        verdicts: list[Verdict] = []
        records = task.records[:top]
        for record in records:
            seen.append(_Seen.of(record, examiner.judge(case, record.text, reference)))
            verdicts = _decided(seen)
            first = next((one for one, verdict in enumerate(verdicts) if verdict.status == CERTIFIED), None)
            if first is not None:
                challengers = [seen[first].record, *records[len(seen) :]]
                for faster in _rematch(challengers, case, examiner, reference) if rematch else ():
                    seen.insert(first, _Seen.of(faster, examiner.judge(case, faster.text, reference)))
                    verdicts = _decided(seen)
                    if verdicts[first].status == CERTIFIED:
                        break
                    first += 1
                break
    timed = [seconds for one in seen for seconds in one.judged.default_s]
    return TaskCertificate(task, tuple(verdicts), statistics.median(timed) if timed else reference.seconds)


def _missing(task: Task) -> str:
    """Why its code cannot be run here; empty where it can."""
    try:
        missing = lacking(target_of(task.target))
    except Exception as error:  # another TVM's target: what this one raises has no common type
        return f"TVM cannot use its target: {last_line(error)}"
    return f"it needs {missing}, which this machine lacks" if missing else ""


def _rematch(records: Sequence[Record], case: Case, examiner: Examiner, reference: Reference) -> list[Record]:
    """The records that are clearly faster than the first one when all are timed in turns, the fastest first."""
    if len(records) < 2:
        return []
    times = examiner.rematch(case, [record.text for record in records], reference.seconds)
    if times is None:
        return []
    faster = [(seconds, number) for number, seconds in enumerate(times) if seconds < CLEARLY * times[0]]
    return [records[number] for _, number in sorted(faster)]


def _decided(seen: Sequence[_Seen]) -> list[Verdict]:
    """The verdicts as far as is known: the first that stands is certified."""
    verdicts = [_verdict(one, [other for other in seen if other is not one]) for one in seen]
    first = next((number for number, verdict in enumerate(verdicts) if verdict.status == RIGHT), None)
    if first is not None:
        verdicts[first] = replace(verdicts[first], status=CERTIFIED)
    return verdicts


def _verdict(one: _Seen, others: Sequence[_Seen]) -> Verdict:
    status, reason = _numbers(one.judged)
    seconds = statistics.median(one.judged.own_s) if one.judged.own_s else None
    if not status and one.ratio is not None and (mine := one.slowdown) is not None:
        # A record that is much further off than this one says nothing of the machine.
        paces = [other.slowdown.mean for other in others if other.slowdown]
        pace = max(1.0, min((pace for pace in paces if pace <= LUCKY_RATIO * mine.mean), default=1.0))
        if mine.low > LUCKY_RATIO * pace:
            status, reason = LUCKY, f"takes {mine.mean:.3g} times its recorded time"
        elif one.ratio.high >= 1.0:
            status, reason = SLOW, "not shown to be faster than the default"
    return Verdict(one.record, status or RIGHT, reason, one.judged.worst, seconds, one.ratio)


def _numbers(judged: Judged) -> tuple[str, str]:
    """Why a kernel is rejected before its time is looked at; empty where it is not."""
    if judged.fault:
        fault = judged.fault
        return (next((known for known in (CRASHED, HUNG) if fault.startswith(known)), UNUSABLE)), fault
    kind, off = next(((kind, off) for kind, off in judged.worst if off > 1.0), ("", 0.0))
    if not kind:
        return "", ""
    by = "gives NaN, infinities or numbers in wrong places" if off == float("inf") else f"off by {off:.3g} tolerances"
    return WRONG, f"{by} on {kind} inputs"
