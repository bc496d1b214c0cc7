"""Files that a command is asked to write: said to be impossible before the work rather than after it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tvm_litecoop.errors import ConfigError, LiteCoOpError


def check_writable(file: Path, option: str = "--json") -> None:
    """Say now that the file of an option cannot be written.

    Raises:
        ConfigError: It cannot.
    """
    place = file if file.exists() else file.parent
    if file.is_dir() or not os.access(place, os.W_OK):
        why = "it is a directory" if file.is_dir() else f"{place} is not there or not yours to write"
        raise ConfigError(f"{option} {file} cannot be written: {why}", "choose another file")


def write(file: Path, text: str) -> None:
    """Write the file of `--json`.

    Raises:
        LiteCoOpError: It cannot be written.
    """
    try:
        file.write_text(text)
    except OSError as error:
        raise LiteCoOpError(f"{file} cannot be written: {error.strerror}", "choose another file for --json") from None


def as_text(outcomes: Sequence[Any]) -> str:
    """The JSON of one outcome, or of several in a list."""
    written = [outcome.as_json() for outcome in outcomes]
    return json.dumps(written[0] if len(written) == 1 else written, indent=2, allow_nan=False) + "\n"
