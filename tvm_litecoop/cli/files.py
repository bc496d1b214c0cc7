"""Files that a command is asked to write: said to be impossible before the work rather than after it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tvm_litecoop import atomic
from tvm_litecoop.errors import ConfigError, LiteCoOpError


def check_writable(file: Path) -> None:
    """Say now that the file of `--json` cannot be written.

    Raises:
        ConfigError: It cannot.
    """
    place = file if file.exists() else file.parent
    if file.is_dir() or not (file.exists() or place.is_dir()) or not os.access(place, os.W_OK):
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


def as_text(outcomes: Sequence[Any], *, several: bool) -> str:
    """The JSON of one outcome; a list of those that there are, where `several` were asked for."""
    written = [outcome.as_json() for outcome in outcomes]
    return json.dumps(written if several else written[0], indent=2, allow_nan=False) + "\n"


def check_replaceable(file: Path, ours: Callable[[bytes], bool], command: str) -> None:
    """Say now that a file cannot be put there, or would replace one of the user's.

    Args:
        file: Given with `-o`.
        ours: Whether a file of this content may be replaced.
        command: Which makes such files.

    Raises:
        ConfigError: It cannot, or it is not.
    """
    hint, place = "choose another file with -o", file.resolve().parent
    if file.exists() and not file.is_file():
        raise ConfigError(f"{file} cannot be written: it is {'a directory' if file.is_dir() else 'no file'}", hint)
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise ConfigError(f"{file} cannot be written: {place} is not there or not yours to write", hint)
    try:
        if file.exists() and not ours(file.read_bytes()):
            raise ConfigError(f"{file} is there and not of {command}", hint)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", hint) from None


def replace(file: Path, text: str) -> None:
    """Write a file, whole or not at all.

    Raises:
        LiteCoOpError: It cannot be written.
    """
    try:  # the name of a directory need not be Unicode
        atomic.replace(file, text.encode(errors="backslashreplace"))
    except OSError as error:
        raise LiteCoOpError(f"{file} cannot be written: {error.strerror}", "choose another file with -o") from None
