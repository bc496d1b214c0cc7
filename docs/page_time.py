"""How long a browser takes to open the report of a tree of 10,000 nodes: `python docs/page_time.py`. Needs Chromium.

The tree is a real search's on the toy space of the tests, whose programs are digits; its times are made up.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / part) for part in (".", "tests", "tests/report")]

from browser import Browser  # noqa: E402
from runs import large  # noqa: E402

from tvm_litecoop.cli import main as litecoop  # noqa: E402

LOADS = 5


def main() -> None:
    """Make the page, open it some times, print."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        large(Path(folder))
        litecoop(["report", folder, "-o", str(page)])
        seconds = []
        for _ in range(LOADS):
            with Browser() as browser:
                browser.show(1280, 1000)
                seconds.append(browser.open(page))
        print(f"opened in {statistics.median(seconds):.2f} s, the slowest of {LOADS} in {max(seconds):.2f} s")


if __name__ == "__main__":
    main()
