"""One process at a time works in a directory. Owns the lock file, which names the process.

The lock is the kernel's (`fcntl`): it ends with its process, however that ends, and children do not inherit it.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from tvm_litecoop.errors import WorkDirError

NAME = "litecoop.lock"


@dataclass
class _Held:
    """A lock that this process has. Closing any descriptor of the file would end it, so there is one.

    Attributes:
        descriptor: Of the lock file.
        process: Which has it: a forked child inherits this value, and not the lock.
        taken: How often: a process may take its own lock again.
    """

    descriptor: int
    process: int
    taken: int = 1

    def good_for(self, file: Path) -> bool:
        """Whether it is ours, and of the file that is there now."""
        try:
            return self.process == os.getpid() and os.path.samestat(os.fstat(self.descriptor), file.stat())
        except OSError:
            return False


_held: dict[Path, _Held] = {}


class Lock:
    """The lock of a directory, taken at once.

    Raises:
        WorkDirError: Another process has it.
        OSError: The directory cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._file = (folder / NAME).resolve()
        self._taken = True
        held = _held.get(self._file)
        if held is not None and held.good_for(self._file):
            self._held = held
            held.taken += 1
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
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError:  # a full disk
            os.close(descriptor)
            raise
        self._held = _held[self._file] = _Held(descriptor, os.getpid())

    def release(self) -> None:
        """Give it back; doing it again does nothing."""
        if not self._taken:
            return
        self._taken = False
        self._held.taken -= 1
        if self._held.process == os.getpid() and not self._held.taken:
            if _held.get(self._file) is self._held:
                del _held[self._file]
            os.close(self._held.descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()
