"""What the final check found, noted in the journal beside what led there; `certificate.json` has it in full."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.opening import opened
from tvm_litecoop.journal.store import CERTIFIED, FILE, Damaged, Newer

logger = logging.getLogger(__name__)


def note(folder: Path, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Note it with the newest run of each task. A journal that is not there or cannot be written now stays as it is.

    Args:
        folder: The work directory.
        found: By identity of the task (`tvm_bridge.context.identity`): plain values.
    """
    if not (folder / FILE).exists():
        return
    try:
        journal = opened(folder)
        with journal.lock:
            newest = {task.identity: task.id for task in journal.store.tasks()}
            for identity in found.keys() & newest.keys():
                body = json.dumps(found[identity], separators=(",", ":"), allow_nan=False)
                journal.store.write(newest[identity], [(CERTIFIED, body)])
            journal.store.close()
    except (OSError, sqlite3.Error, Damaged, Newer, WorkDirError) as error:
        logger.warning("the certificate is not noted in the journal: %s", error)
