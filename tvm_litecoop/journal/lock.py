"""One process at a time works in a directory. Owns the lock file, which names the process.

The lock is the kernel's (`fcntl`): it ends with its process, however that ends, and children do not inherit it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tvm_litecoop.errors import WorkDirError

NAME = "litecoop.lock"

_held: dict[Path, list[int]] = {}
"""Lock file -> descriptor and how often it was taken: a process may take its own lock again. Closing any descriptor of
the file would end the lock, so there is one."""


class Lock:
    """The lock of a directory, taken at once.

    Raises:
        WorkDirError: Another process has it.
        OSError: The directory cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._file = (folder / NAME).resolve()
        self._taken = True
        if self._file in _held:
            _held[self._file][1] += 1
            return
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            if not isinstance(error, (BlockingIOError, PermissionError)):
                raise
            raise WorkDirError(
                f"work dir {str(folder)!r} is in use by process {holder}", "wait for it, or choose another work dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        _held[self._file] = [descriptor, 1]

    def release(self) -> None:
        """Give it back; doing it again does nothing."""
        if not self._taken:
            return
        self._taken = False
        held = _held[self._file]
        held[1] -= 1
        if not held[1]:
            del _held[self._file]
            os.close(held[0])

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()
