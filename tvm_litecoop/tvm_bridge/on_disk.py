"""Whether the records of a run are in the files of its database.

TVM appends lines and does not look whether it could (`meta_schedule/database/json_database.cc`), so a disk that is full
would lose a run without a word.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from tvm_litecoop.errors import WorkDirError


class OnDisk:
    """Compares the records that a JSONDatabase has taken with the lines of its file, from now on.

    Args:
        database: TVM's JSONDatabase.
    """

    def __init__(self, database: Any) -> None:
        self._database = database
        self._file = Path(str(database.path_tuning_record))
        self._end, self._records = self._file.stat().st_size, len(database)

    def check(self) -> None:
        """Look at what was appended since the last time. A line that is not whole is cut off: TVM would not read it.

        Raises:
            WorkDirError: Lines are missing.
        """
        records = len(self._database)
        try:
            with self._file.open("rb") as file:
                file.seek(self._end)
                appended = file.read()
        except OSError:
            appended = b""
        missing = records - self._records - appended.count(b"\n")
        if missing > 0:
            if appended and not appended.endswith(b"\n"):
                with suppress(OSError), self._file.open("r+b") as file:
                    file.truncate(self._end + appended.rfind(b"\n") + 1)
            raise WorkDirError(
                f"{missing} records could not be written to {self._file}",
                "make room there, or make it writable, and run the same again: it goes on from what is on disk",
            )
        self._end, self._records = self._end + len(appended), records
