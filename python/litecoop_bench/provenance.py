"""What a cell was run with: machine, threads, versions, commit and day; and what a table says of its cells' origins."""

from __future__ import annotations

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tvm_litecoop._version import __version__
from tvm_litecoop.tuning.threads import VARIABLE

UNKNOWN = "not recorded"
KEYS = ("machine", "threads", "versions", "commit")
PACKAGES = ("apache-tvm", "apache-tvm-ffi", "numpy", "xgboost")


def now() -> dict[str, str]:
    """What a cell that is run now is run with."""
    return {
        "machine": _machine(),
        "threads": f"{VARIABLE}={os.environ.get(VARIABLE, 'unset')}",
        "versions": ", ".join([f"Python {platform.python_version()}", f"tvm_litecoop {__version__}", *_installed()]),
        "commit": commit(Path(__file__)),
        "date": date.today().isoformat(),
    }


def render(rows: Iterable[Mapping[str, Any]]) -> str:
    """One line for cells that are all of one machine, one set of versions and one commit; else a line for each."""
    cells = list(rows)
    seen = {key: Counter(str(row.get(key, UNKNOWN)) for row in cells) for key in KEYS}
    days = sorted({str(row["date"]) for row in cells if "date" in row}) or [UNKNOWN]
    same = [
        f"commit {found}" if key == "commit" else found for key in KEYS if len(seen[key]) == 1 for found in seen[key]
    ]
    lines = ["; ".join([*same, " to ".join(dict.fromkeys((days[0], days[-1])))])]
    for key in KEYS:
        if len(seen[key]) > 1:
            parts = ", ".join(f"{value} ({count})" for value, count in seen[key].most_common())
            lines.append(f"**The cells come from several {_plural(key)}** (how many cells of each): {parts}.")
    later = {_timed_elsewhere(row) for row in cells if "timed" in row and "commit" in row} - {""}
    lines += [f"**The kernels were timed together elsewhere**, for some cells: {where}." for where in sorted(later)]
    return "\n\n".join(lines)


def commit(file: Path) -> str:
    """The commit of the repository that holds a file, `-dirty` where it was changed since; else that it is unknown."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(file.parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", file.name)
        return git("describe", "--always", "--dirty", "--exclude", "*")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN


def _timed_elsewhere(row: Mapping[str, Any]) -> str:
    """What was not the same when the kernel was timed at the end as when it was found; `run` keeps both."""
    return ", ".join(f"{key} {row['timed'][key]}" for key in KEYS if row["timed"][key] != row.get(key))


def _plural(key: str) -> str:
    return key if key.endswith("s") else f"{key}s"


def _installed() -> list[str]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    said = [[one.strip() for one in line.split(":", 1)] for line in lines if ":" in line]
    names = [value for key, value in said if key == "model name"]
    if not names:
        return platform.processor() or platform.machine()
    first = dict(reversed(said))
    which = ", ".join(f"{key.removeprefix('cpu ')} {first[key]}" for key in ("cpu family", "model") if key in first)
    return f"{len(names)} x {names[0]} ({which})"  # a virtual one's name is the same in every generation
