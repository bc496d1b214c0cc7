"""The result of a benchmark as one HTML page that needs nothing else: figures inside, tables, origins, the grid."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from pathlib import Path

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1200px; margin: 2em auto; padding: 0 1em }
img { max-width: 100%; display: block; margin: 1.5em 0 }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .25em .8em; text-align: left; border-bottom: 1px solid #e4e4e4 } th { border-color: #888 }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto }
"""


def render(name: str, text: str, figures: Mapping[str, Path], grid_text: str) -> str:
    """The page.

    Args:
        name: Of the benchmark.
        text: Markdown of paragraphs, lists and tables, as in `table.md`.
        figures: What a figure shows -> its PNG file.
        grid_text: The grid file.
    """
    parts = [
        f"<!doctype html>\n<html lang='en'><meta charset='utf-8'><title>{escape(name)}</title><style>{STYLE}</style>",
        f"<h1>{escape(name)}</h1>",
        *_html(text),
        *(_image(title, file) for title, file in figures.items()),
        f"<h2>Grid</h2><pre>{escape(grid_text)}</pre></html>",
    ]
    return "\n".join(parts) + "\n"


def _image(title: str, file: Path) -> str:
    data = base64.b64encode(file.read_bytes()).decode("ascii")
    return f"<img alt='{escape(title)}' src='data:image/png;base64,{data}'>"


def _html(text: str) -> Iterator[str]:
    """Of the little Markdown that the tables use."""
    for kind, group in groupby(text.splitlines(), key=_kind):
        lines = list(group)
        if kind == "|":
            yield _table(lines)
        elif kind == "-":
            yield "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>"
        elif kind:
            yield f"<p>{_inline(' '.join(lines))}</p>"


def _kind(line: str) -> str:
    if not line:
        return ""
    return line[0] if line.startswith(("|", "- ")) else "text"


def _table(lines: list[str]) -> str:
    """The second line is the rule under the head."""
    head, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = ["".join(f"<td>{_inline(cell)}</td>" for cell in cells) for cells in body]
    top = "".join(f"<th>{_inline(cell)}</th>" for cell in head)
    return f"<table><tr>{top}</tr>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _inline(text: str) -> str:
    shown = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", shown)
