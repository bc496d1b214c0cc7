"""A hook of MkDocs: pages that are files elsewhere, and what each command prints on `--help`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
HOMES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "tutorials/README.md": "tutorials/index.md",
}
"""Files of the repository -> their pages."""
PICTURES = {"05_report": ("report.png", "report-tree-dark.png")}
"""Tutorials -> pictures in docs/ that are shown at their ends, where they exist."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages; called by MkDocs."""
    pages = {page: linked((ROOT / file).read_text("utf-8"), file, page) for file, page in HOMES.items()}
    for script in sorted((ROOT / "tutorials").glob("[0-9][0-9]_*.py")):
        pages[f"tutorials/{script.stem}.md"] = tutorial(script.read_text("utf-8")) + pictures(script.stem)
    pages["commands.md"] = "# Command line\n\n" + "\n".join(helps([]))
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn the links of the pages in docs/; called by MkDocs."""
    name = str(page.file.src_uri)
    return linked(markdown, f"docs/{name}", name) if (ROOT / "docs" / name).exists() else markdown


def linked(text: str, file: str, page: str) -> str:
    """The text of a file with its links turned to the pages that are made of their targets."""
    here = Path(file).parent

    def turn(found: re.Match[str]) -> str:
        target = os.path.normpath(here / found[1])
        there = HOMES.get(target) or re.sub(r"^docs/", "", re.sub(r"^(tutorials/\d\d_\w+)\.py$", r"\1.md", target))
        return f"]({os.path.relpath(there, Path(page).parent)}"

    return re.sub(r"\]\((?!https?:|#)([^)#]+)", turn, text)


def tutorial(script: str) -> str:
    """A script of `# %%` cells as Markdown; a markdown cell is comments or one docstring."""
    parts = []
    for kind, body in re.findall(r"^# %%( \[markdown\])?\n(.*?)(?=^# %%|\Z)", script, re.DOTALL | re.MULTILINE):
        if not kind:
            parts.append(f"```python\n{body.strip()}\n```")
        elif body.startswith('"""'):
            parts.append(body.strip().strip('"').strip())
        else:
            parts.append(re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE))
    return "\n\n".join(parts) + "\n"


def pictures(stem: str) -> str:
    """The pictures of a tutorial, with the remark that the models in them are simulated."""
    names = [name for name in PICTURES.get(stem, ()) if (ROOT / "docs" / name).exists()]
    shown = "".join(f"\n![A report]({os.path.relpath(name, 'tutorials')})\n" for name in names)
    return "\n## Pictures\n\nOf a run with *simulated* models.\n" + shown if shown else ""


def helps(command: list[str]) -> list[str]:
    """What a command and those below it print on `--help`, as Markdown."""
    run = subprocess.run(
        [sys.executable, "-m", "tvm_litecoop.cli", *command, "--help"],
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    listed = run.stdout.partition("\n  COMMAND\n")[2] or run.stdout.partition("\n  ACTION\n")[2]
    below = re.findall(r"^    ([a-z]+) ", listed, re.MULTILINE)
    page = f"## {' '.join(['litecoop', *command])}\n\n```text\n{run.stdout.strip()}\n```\n"
    return [page] + [text for name in below for text in helps([*command, name])]
