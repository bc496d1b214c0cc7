"""Batches of which every program fails for one and the same reason: a full disk, say, or a compiler that is gone."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tvm_litecoop.values import Measurement

logger = logging.getLogger(__name__)

FEW = 4
"""Programs that may all fail by chance."""
ENOUGH = 3
"""Such batches in a row after which a task is given up: rather the machine is at fault than the programs."""
SLOW = "Timeout"
"""TVM's word for programs that were ended; others may be fast enough."""


class Fruitless:
    """How many such batches there were in a row.

    Args:
        name: Of the task, for what is said of them.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._reason = ""
        self._batches = 0

    @property
    def given_up(self) -> bool:
        """Whether there were so many that more would come to the same."""
        return self._batches >= ENOUGH

    def note(self, measured: Sequence[Measurement]) -> None:
        """One more batch; what is wrong with the first and the last one is said."""
        reasons = {one.error if one.seconds is None else "" for one in measured}
        reason = reasons.pop() if len(reasons) == 1 and len(measured) >= FEW else ""
        if not reason or SLOW in reason:
            self._reason, self._batches = "", 0
            return
        self._batches = self._batches + 1 if reason == self._reason else 1
        self._reason = reason
        if self._batches == 1:
            logger.warning("%s: all %d programs of a batch failed: %s", self._name, len(measured), reason)
        elif self.given_up:
            logger.warning(
                "%s: no more trials, after %d batches in which all programs failed; the same command goes on",
                self._name,
                self._batches,
            )
