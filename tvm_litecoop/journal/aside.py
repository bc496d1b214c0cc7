"""Files of an earlier run are renamed, never deleted."""

from __future__ import annotations

from pathlib import Path

COMPANIONS = ("", "-wal", "-shm")
"""What SQLite keeps beside a file that was not closed."""


def set_aside(file: Path) -> Path | None:
    """Rename a file to `*.1`, `*.2`, ..., what SQLite keeps beside it with it.

    Returns:
        Where it is now; None where there was none.

    Raises:
        OSError: It cannot be renamed.
    """
    if not file.exists():
        return None
    number = 1
    while (aside := file.with_name(f"{file.name}.{number}")).exists():
        number += 1
    for companion in COMPANIONS:
        beside = file.with_name(file.name + companion)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + companion))
    return aside
