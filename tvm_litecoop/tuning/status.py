"""How a run stands: its tasks, their trials and times. Changed by the recorder, read by displays and outcomes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tvm_litecoop.models.pool import Pool


@dataclass
class TaskStatus:
    """One kernel.

    Attributes:
        name: Of the kernel.
        weight: How often one run of the whole calls it.
        flops: Arithmetic operations of one run of the kernel.
        untuned_s: Seconds of the untuned kernel; None where nobody timed it.
        known: Records of earlier runs.
        best_s: Fastest measured, earlier runs included; None for none.
        trials: Candidates measured by this process.
    """

    name: str
    weight: int = 1
    flops: int = 0
    untuned_s: float | None = None
    known: int = 0
    best_s: float | None = None
    trials: int = 0

    @property
    def seconds(self) -> float | None:
        """Of the better of untuned and tuned; None where neither is known."""
        known = [seconds for seconds in (self.best_s, self.untuned_s) if seconds is not None]
        return min(known, default=None)


@dataclass
class Status:
    """One run.

    Attributes:
        name: Search and workload.
        wanted: Trials it is to make.
        batch: Candidates measured between two looks at the results.
        directory: Where its records go.
        tasks: What it tunes; one for a kernel.
        pool: Its members; None for TVM's own searches.
        carried: Trials of an unfinished run that is gone on with.
        leader: Who proposed the fastest program; empty for TVM's own searches and where there are several tasks.
        failed: Candidates that did not build or run.
        first_failure: What the first of them failed of.
        curve: (trial, seconds since the start, seconds of the whole), at every best and at the end of every batch; the
            seconds since the start are those when the batch was done.
    """

    name: str
    wanted: int
    batch: int
    directory: str
    tasks: list[TaskStatus]
    pool: Pool | None = None
    carried: int = 0
    leader: str = ""
    failed: int = 0
    first_failure: str = ""
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    start: float = field(default_factory=time.perf_counter)

    @property
    def trials(self) -> int:
        """Candidates measured so far, those of an unfinished run before this one among them."""
        return self.carried + sum(task.trials for task in self.tasks)

    @property
    def known(self) -> int:
        """Records of earlier runs."""
        return sum(task.known for task in self.tasks)

    @property
    def best_s(self) -> float | None:
        """Seconds of the whole: every task at its best, as often as it is called; None where one has no time."""
        if len(self.tasks) == 1:
            return self.tasks[0].best_s
        times = [task.seconds for task in self.tasks]
        if any(seconds is None for seconds in times):
            return None
        return sum(task.weight * (seconds or 0.0) for task, seconds in zip(self.tasks, times, strict=True))

    def mark(self) -> None:
        """Add a point to the curve, once the whole has a time and where there is none for this trial."""
        if (whole_s := self.best_s) is not None and (not self.curve or self.curve[-1][0] < self.trials):
            self.curve.append((self.trials, self.elapsed_s, whole_s))

    @property
    def elapsed_s(self) -> float:
        """Since the start of this process's part."""
        return time.perf_counter() - self.start

    @property
    def left_s(self) -> float | None:
        """Seconds left at the pace of this process's own trials; None before its first batch.

        Of several tasks TVM measures a batch each before it looks at any.
        """
        own = self.trials - self.carried
        done = max(own, min(self.batch * len(self.tasks), self.wanted)) if len(self.tasks) > 1 else own
        return self.elapsed_s / done * max(0, self.wanted - self.carried - done) if own else None
