"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def replace(file: Path, content: bytes) -> None:
    """Put a file there, or leave what is there; no draft stays behind. Links are followed, and a file's mode is kept.

    Raises:
        OSError: It cannot be written.
    """
    replace_all({file: content})


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """`replace` for files that belong together: none is put there before all of them are written.

    Raises:
        OSError: One cannot be written.
    """
    files = {file.resolve(): content for file, content in contents.items()}
    drafts = {file: file.with_name(f".{file.name}-{os.getpid()}") for file in files}
    try:
        for file, draft in drafts.items():
            with draft.open("wb") as written:
                with suppress(OSError):  # there is none yet, or it is another user's
                    os.fchmod(written.fileno(), stat.S_IMODE(file.stat().st_mode))
                written.write(files[file])
                written.flush()
                os.fsync(written.fileno())  # or a power cut could leave the new name on an empty file
        for file, draft in drafts.items():
            draft.replace(file)
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)
