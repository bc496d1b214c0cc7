"""The final check of a run: its best record certified as `litecoop verify` does, and all searches timed together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.certify.examiner import Examiner
from tvm_litecoop.certify.judge import Case
from tvm_litecoop.certify.verify import Say
from tvm_litecoop.tuning.certified import certified
from tvm_litecoop.tuning.outcome import Outcome
from tvm_litecoop.workloads import Workload


def check_and_time(
    outcomes: Sequence[Outcome], workload: Workload, target: Any, say: Say
) -> list[tuple[Outcome, TaskCertificate]]:
    """Certify the best record of each run, then time what was certified in turns. Writes to the outcomes.

    A built-in workload's numpy reference is asked as well.

    Returns:
        The runs that left a record, with their certificates; these are in the work directories too.
    """
    spec = workload.spec if workload.reference is not None else ""
    found: list[tuple[Outcome, TaskCertificate]] = []
    with Examiner() as examiner:
        for outcome in outcomes:
            own = certified(outcome.directory, [workload.mod], target, examiner, say, spec, rematch=True)
            if not own:
                outcome.unchecked = "no kernel"
                continue
            ((_, said),) = own
            found.append((outcome, said))
            outcome.unchecked = said.unchecked
            if not said.unchecked:
                outcome.certificate, outcome.correct = said.as_json(), not said.harmful
                outcome.final_s, outcome.worst_error = said.seconds, said.worst
                outcome.speedup = said.speedup
        checked = [pair for pair in found if not pair[1].unchecked]
        if len(checked) > 1 and not _time_together(checked, examiner):
            say("the kernels could not be timed in turns: their times are those of each one's own check")
    return found


def _time_together(found: Sequence[tuple[Outcome, TaskCertificate]], examiner: Examiner) -> bool:
    said = found[0][1]
    texts = [one.winner.record.text if one.winner else "" for _, one in found]
    times = examiner.together(Case(said.task.workload, said.task.target, ""), texts, said.default_s)
    for (outcome, _), seconds in zip(found, times or [], strict=times is not None):
        outcome.final_s = seconds
    return times is not None
