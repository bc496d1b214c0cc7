"""Files that a command is asked to write: said to be impossible before the work rather than after it."""

from __future__ import annotations

import os
from pathlib import Path

from tvm_litecoop.errors import ConfigError, LiteCoOpError


def check_writable(file: Path) -> None:
    """Say now that `--json` cannot be written.

    Raises:
        ConfigError: It cannot.
    """
    place = file if file.exists() else file.parent
    if file.is_dir() or not os.access(place, os.W_OK):
        why = "it is a directory" if file.is_dir() else f"{place} is not there or not yours to write"
        raise ConfigError(f"--json {file} cannot be written: {why}", "choose another file")


def write(file: Path, text: str) -> None:
    """Write the file of `--json`.

    Raises:
        LiteCoOpError: It cannot be written.
    """
    try:
        file.write_text(text)
    except OSError as error:
        raise LiteCoOpError(f"{file} cannot be written: {error.strerror}", "choose another file for --json") from None
