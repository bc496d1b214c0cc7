"""`untuned.json` in a work directory: how long the kernels of a model take untuned.

A run that is gone on with must choose the same tasks as before, so it must not time them again; but for those that
could not be timed, which would come before all others for good.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tvm_litecoop.certify.store import put
from tvm_litecoop.tuning.tasks import ModelTask

FILE = "untuned.json"


def read(directory: str, target: str) -> dict[str, float | None]:
    """Seconds by digest of the kernel; none where there is no such file, or it is of another target."""
    try:
        found = json.loads((Path(directory) / FILE).read_text())
        return dict(found["seconds"]) if found["target"] == target else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write(directory: str, target: str, tasks: Sequence[ModelTask]) -> None:
    """Keep what was timed for that very target, beside what is known of other kernels.

    Raises:
        WorkDirError: It cannot be written.
    """
    timed = [task for task in tasks if task.bound_s and str(task.extracted.target) == target]
    seconds = {**read(directory, target), **{task.digest: task.untuned_s for task in timed}}
    put(Path(directory) / FILE, json.dumps({"target": target, "seconds": seconds}, indent=2) + "\n")
