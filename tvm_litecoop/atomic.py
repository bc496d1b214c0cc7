"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def replace(file: Path, content: bytes) -> None:
    """Put a file there, or leave what is there; no draft stays behind.

    Raises:
        OSError: It cannot be written.
    """
    replace_all({file: content})


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Put files there that belong together, none before all of them are written; or leave what is there.

    Raises:
        OSError: One cannot be written.
    """
    drafts = {file: file.with_name(f".{file.name}-{os.getpid()}") for file in contents}
    try:
        for file, draft in drafts.items():
            with draft.open("wb") as written:
                written.write(contents[file])
                written.flush()
                os.fsync(written.fileno())  # or a power cut could leave the new name on an empty file
        for file, draft in drafts.items():
            draft.replace(file)
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)
