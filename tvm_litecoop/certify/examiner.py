"""The process that kernels are judged in: its time limits, and what a crash or a hang says of a kernel."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from types import TracebackType

from tvm_litecoop.certify.inputs import KINDS, LARGE
from tvm_litecoop.certify.judge import Case, Judged, Reference, first, judge, refer, together
from tvm_litecoop.errors import last_line
from tvm_litecoop.measure.workers import Outcome, WarmWorkers

REFERENCE_S = 600.0
"""Seconds the untuned program gets for its first runs; and for all its inputs, on top of twice what these take."""
LIMIT_S = 60.0
"""Seconds for a record, on top of what so many runs of the untuned program take."""
RUNS = 40
AROUND = 10
"""Times that comparing the results of one kind of inputs may take what making these inputs took."""
LONGEST_S = 86_400.0
"""Seconds that no job takes; each has a limit of its own."""

HUNG, CRASHED = "hung", "crashed"


class Examiner:
    """Judges records one at a time in a warm process; a context manager."""

    def __init__(self) -> None:
        self._workers = self._fresh()

    def __enter__(self) -> Examiner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.close()

    def first(self, case: Case) -> Reference:
        """How long the untuned program takes; `unsupported` where it does not run here."""
        return _reference(self._workers.run(first, case, limit_s=REFERENCE_S), REFERENCE_S)

    def refer(self, case: Case, seconds: float) -> Reference:
        """What the untuned program, which takes so long, says on all inputs; `unsupported` where it does not."""
        limit_s = REFERENCE_S + 2 * (len(KINDS) + len(LARGE)) * seconds
        return _reference(self._workers.run(refer, case, seconds, limit_s=limit_s), limit_s)

    def judge(self, case: Case, record: str, reference: Reference) -> Judged:
        """What is seen of one record; a crash or a hang of its process is a fault of it."""
        limit_s = LIMIT_S + RUNS * reference.seconds + AROUND * len(reference.kinds) * reference.around_s
        outcome = self._workers.run(judge, case, record, reference.kinds, limit_s=limit_s)
        if outcome.error is None and not any(off > 1.0 for _, off in outcome.value.worst):
            return outcome.value  # type: ignore[no-any-return]
        self._renew()
        return outcome.value if outcome.error is None else Judged(fault=_ending(outcome, limit_s))

    def together(self, case: Case, records: Sequence[str], untuned_s: float) -> list[float] | None:
        """Median seconds of several records timed in turns; None where one of them failed now.

        Args:
            case: The task.
            records: Empty for the untuned program.
            untuned_s: Seconds per run of the untuned program.
        """
        limit_s = LIMIT_S * len(records) + RUNS * untuned_s
        outcome = self._workers.run(together, case, records, limit_s=limit_s)
        return None if outcome.error is not None else list(outcome.value)

    def rematch(self, case: Case, records: Sequence[str], untuned_s: float) -> list[float] | None:
        """`together`, of records that were not judged yet."""
        times = self.together(case, records, untuned_s)
        self._renew()
        return times

    def _renew(self) -> None:
        """A wrong kernel may have written anywhere: the next one starts in a clean process."""
        self._workers.close()
        self._workers = self._fresh()

    def _fresh(self) -> WarmWorkers:
        return WarmWorkers(1, _nothing, timeout_s=LONGEST_S, max_uses=10_000, stderr=subprocess.DEVNULL)


def _reference(outcome: Outcome, limit_s: float) -> Reference:
    if outcome.error is None:
        return outcome.value  # type: ignore[no-any-return]
    return Reference(unsupported=f"the untuned program {_ending(outcome, limit_s)}")


def _ending(outcome: Outcome, limit_s: float) -> str:
    if isinstance(outcome.error, TimeoutError):
        return f"{HUNG}: nothing came for {limit_s:.0f} s"
    if isinstance(outcome.error, ChildProcessError):
        return f"{CRASHED}: its process died"
    assert outcome.error is not None
    return f"failed: {last_line(outcome.error)[:200]}"


def _nothing() -> None:
    """A worker needs no preparation: what it imports comes with its first job."""
