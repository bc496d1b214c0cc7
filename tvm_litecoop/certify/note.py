"""What was certified, noted in the journal of the work directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tvm_litecoop.certify.certificate import TaskCertificate
from tvm_litecoop.certify.kernels import module_of, target_of
from tvm_litecoop.journal import certified
from tvm_litecoop.tvm_bridge.context import identity


def note(directory: str, tasks: Sequence[TaskCertificate]) -> None:
    """Note it; a work directory without a journal needs none."""
    checked = [one for one in tasks if not one.unchecked]
    found = {identity(module_of(one.task.workload), target_of(one.task.target)): one.as_note() for one in checked}
    certified.note(Path(directory), found)
