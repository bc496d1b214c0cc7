"""The page: one HTML file that holds its data, its style and its script, and may load nothing else.

The data stands in a script element of a type that no browser runs, with every character escaped that could end it. The
content security policy allows the two texts below by their hashes, and nothing from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import Any

MARK = "<!doctype html><!-- litecoop report -->"
"""How the file begins; nothing else is overwritten by a new report."""
SCRIPTS = ("base", "charts", "results", "members", "run", "model", "tree", "overview", "details", "main")
"""The parts of the script, in the order in which they need each other."""
ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def page(data: dict[str, Any]) -> str:
    """The page that shows some data.

    Args:
        data: What `data.collect` gives.
    """
    style = _part("page.css")
    script = '"use strict";\n(() => {\n' + "".join(_part(f"{name}.js") for name in SCRIPTS) + "})();\n"
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:"
    fields = {
        "MARK": MARK,
        "POLICY": f"{policy}; base-uri 'none'; form-action 'none'",
        "TITLE": html.escape(data["work_dir"]),
        "STYLE": style,
        "DATA": json.dumps(data, separators=(",", ":"), allow_nan=False).translate(ESCAPES),
        "SCRIPT": script,
    }
    return re.sub(r"@([A-Z]+)@", lambda found: fields[found[1]], _part("page.html"))


def _part(name: str) -> str:
    return files("tvm_litecoop.report").joinpath("page", name).read_text("utf-8")


def _hash(text: str) -> str:
    """A text as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
