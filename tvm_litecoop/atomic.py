"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace(file: Path, content: bytes) -> None:
    """Put a file there, or leave what is there; no draft stays behind.

    Raises:
        OSError: It cannot be written.
    """
    draft = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(file)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
