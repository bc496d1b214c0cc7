"""Where commands print: a terminal as wide as it is, anything else in lines of 120; text is shown as it stands."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH = 120
"""Columns of output that goes to no terminal."""


def console() -> Console:
    """Standard output, on which a path with brackets or colons is neither markup nor a picture."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, markup=False, emoji=False)
