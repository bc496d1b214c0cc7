"""The results on disk: `cells.jsonl`, one line a cell, written when it ends, read by the next run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from litecoop_bench.grid import Cell

FIELDS = tuple(asdict(Cell("", "", 0, 0)))


class Results:
    """The cells of a folder.

    Args:
        file: Made with the first cell.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def finished(self) -> dict[Cell, dict[str, Any]]:
        """Cells that did not fail, the newest line of each; a line that a kill has torn is no cell."""
        found = {}
        for line in self._file.read_text().splitlines() if self._file.exists() else []:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if "error" not in row:
                found[Cell(**{key: row[key] for key in FIELDS})] = row
        return found

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one cell, on a line of its own also where the last one is torn."""
        torn = self._file.exists() and not self._file.read_bytes().endswith(b"\n") and self._file.stat().st_size
        with self._file.open("a") as file:
            file.write(("\n" if torn else "") + json.dumps(row) + "\n")
