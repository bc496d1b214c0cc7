"""The tutorials are listed and can be read as scripts and as pages; they are run by `make tutorials`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9][0-9]_*.py"))


def test_every_tutorial_is_in_the_index_and_in_the_site() -> None:
    names = [file.name for file in TUTORIALS]
    assert [name[:2] for name in names] == [f"{number:02}" for number in range(1, len(names) + 1)]
    assert re.findall(r"\]\((\d\d_\w+\.py)\)", (ROOT / "tutorials/README.md").read_text()) == names
    pages = re.findall(r"tutorials/(\d\d_\w+)\.md", (ROOT / "mkdocs.yml").read_text())
    assert [f"{page}.py" for page in pages] == names


@pytest.mark.parametrize("file", TUTORIALS, ids=lambda file: file.stem)
def test_a_tutorial_is_a_page_and_checks_what_it_says(file: Path) -> None:
    text = file.read_text()
    tree = ast.parse(text)
    assert (ast.get_docstring(tree) or "").startswith(f"# {file.name[:2]}: ")
    assert any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    assert text.startswith("# %% [markdown]\n")
    for kind, body in re.findall(r"^# %%( \[markdown\])?\n(.*?)(?=^# %%|\Z)", text, re.DOTALL | re.MULTILINE):
        prose = all(line.startswith("#") or not line for line in body.splitlines())
        assert bool(kind) == (prose or body.startswith('"""')), body[:80]
