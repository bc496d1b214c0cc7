"""Imports point one way: down the list of CONTRIBUTING.md, and TVM only where the bridge and its neighbours are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tvm_litecoop"

LAYERS = [
    {"_version", "atomic", "cores", "errors", "seeds", "intervals", "waiting"},
    {"sites", "nest", "config"},
    {"values"},
    {"view"},
    {"proposal"},
    {"models"},
    {"search"},
    {"journal"},
    {"passes"},
    {"fast_math"},
    {"tvm_bridge", "measure", "workloads"},
    {"strategy", "compat", "audition", "certify", "model_files", "design_space"},
    {"tuning"},
    {"relax", "report"},
    {"cli", ""},
]
"""From the bottom up. Inside a folder files may import each other; folders of one layer may not."""

KNOWS_TVM = {
    "passes",
    "fast_math",
    "tvm_bridge",
    "measure",
    "workloads",
    "model_files",
    "strategy",
    "design_space",
    "audition",
    "certify",
    "tuning",
    "relax",
}
"""`tuning` loads it late: the command line sets the threads of kernels first."""


def modules() -> list[tuple[str, Path]]:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        found.append((".".join(p for p in parts if p != "__init__"), file))
    return found


def layer(module: str) -> int:
    for level, members in enumerate(LAYERS):
        if module.split(".")[0] in members:
            return level
    raise AssertionError(f"{module} is in no layer; add it to LAYERS and to CONTRIBUTING.md")


def imports(module: str, file: Path) -> set[str]:
    """Absolute names imported at module level, those for type checkers left out."""
    found = set()
    package = ["tvm_litecoop", *module.split(".")] if module else ["tvm_litecoop"]
    if file.name != "__init__.py":
        package = package[:-1]
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [base, node.module or ""]))
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize(("module", "file"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_down(module: str, file: Path) -> None:
    known = {name for name, _ in modules()}
    for name in imports(module, file):
        target = name.removeprefix("tvm_litecoop.")
        if not name.startswith("tvm_litecoop.") or target not in known or target == module:
            continue
        same_folder = module.split(".")[0] == target.split(".")[0]
        assert layer(target) < layer(module) or same_folder, f"{module} imports {target}"


@pytest.mark.parametrize(("module", "file"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_only_the_bridge_and_its_neighbours_know_tvm(module: str, file: Path) -> None:
    tvm = {name for name in imports(module, file) if re.match(r"tvm(_ffi)?(\.|$)", name)}
    assert not tvm or module.split(".")[0] in KNOWS_TVM, f"{module} imports {sorted(tvm)}"


def test_the_search_loads_without_tvm_and_without_any_language_model() -> None:
    script = (
        "import sys, tvm_litecoop, tvm_litecoop.search.loop, tvm_litecoop.cli;"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tvm', 'tvm_ffi', 'openai', 'transformers', 'torch'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_exactly_these() -> None:
    import tvm_litecoop

    assert sorted(tvm_litecoop.__all__) == ["LiteCoOpStrategy", "ModelPool", "SearchConfig", "__version__"]
    assert all(getattr(tvm_litecoop, name) is not None for name in tvm_litecoop.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        tvm_litecoop.Nothing  # noqa: B018
