"""Files of an earlier run are renamed, never deleted."""

from __future__ import annotations

from pathlib import Path

COMPANIONS = ("", "-wal", "-shm")
"""What SQLite keeps beside a file that was not closed."""


def set_aside(*files: Path) -> list[Path]:
    """Rename files to `*.1`, or all to `*.2`, ...; what SQLite keeps beside one goes with it.

    Returns:
        Where those that were there are now.

    Raises:
        OSError: One cannot be renamed.
    """
    number = 1
    while any(_numbered(file, number).exists() for file in files):
        number += 1
    aside = []
    for file in files:
        if file.exists():
            aside.append(_numbered(file, number))
            for companion in COMPANIONS:
                beside = file.with_name(file.name + companion)
                if beside.exists():
                    beside.rename(_numbered(file, number, companion))
    return aside


def _numbered(file: Path, number: int, companion: str = "") -> Path:
    return file.with_name(f"{file.name}.{number}{companion}")
