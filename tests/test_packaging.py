"""What `pip install` and `make` promise: the command, the versions, the requirements, the targets."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

import tvm_litecoop
from tvm_litecoop import compat

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ["help", "setup", "setup-models", "tune", "test", "check", "tutorials", "docs", "bench-smoke", "clean"]

try:
    PACKAGE = distribution("tvm_litecoop")
except PackageNotFoundError:  # run from the source tree
    PACKAGE = None

installed = pytest.mark.skipif(PACKAGE is None, reason="not installed: make setup")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


@pytest.fixture(scope="module")
def setup_arguments() -> dict:
    """What setup.py hands to setuptools, taken by running it with `setup` replaced."""
    code = (
        "import json, runpy, setuptools\n"
        "setuptools.setup = lambda **kwargs: print(json.dumps(kwargs))\n"
        "runpy.run_path('setup.py')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def make(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=directory, env=clean | variables, capture_output=True, text=True)


@installed
def test_the_console_script_is_there():
    script = next(entry for entry in PACKAGE.entry_points if entry.group == "console_scripts")
    assert script.name == "litecoop"
    assert callable(script.load())


@installed
def test_the_installed_version_is_that_of_the_source():
    assert PACKAGE.version == tvm_litecoop.__version__


def test_setup_py(setup_arguments):
    assert setup_arguments["version"] == tvm_litecoop.__version__
    assert set(compat.REQUIREMENTS) <= set(setup_arguments["install_requires"])


def test_every_folder_of_code_is_packaged(setup_arguments):
    roots = {"tvm_litecoop": ROOT, "litecoop_bench": ROOT / "python"}
    folders = {
        ".".join(file.parent.relative_to(root).parts)
        for name, root in roots.items()
        for file in (root / name).rglob("*.py")
    }
    assert folders == set(setup_arguments["packages"])


@needs_make
def test_help_lists_every_target():
    shown = make(ROOT).stdout
    assert re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE) == TARGETS


def bare_copy(copy: Path) -> Path:
    """As much of the repository as `make setup` looks at before it installs anything."""
    (copy / "tvm_litecoop").mkdir(parents=True)
    for name in ("Makefile", "setup.py", "tvm_litecoop/_version.py"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@needs_make
def test_a_python_that_is_asked_for_by_name_and_refused_costs_no_environment(tmp_path):
    copy = bare_copy(tmp_path / "a b")
    (copy / ".venv" / "bin").mkdir(parents=True)
    (copy / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (copy / ".venv" / "created").write_text(f"{copy.resolve()}\n")
    (copy / ".venv" / "installed").touch()
    assert make(copy, "setup").returncode == make(copy, "setup", f"PYTHON={sys.executable}").returncode == 0
    assert "no-such python does not run" in make(copy, "setup", "PYTHON=no-such python").stderr
    assert "-m venv --clear" in make(copy, "-n", "setup", "PYTHON=no-such python").stdout
    assert make(copy, "setup").returncode == 0 and make(copy, "help", "PYTHON=no-such python").returncode == 0


@needs_make
def test_an_environment_of_the_user_stays(tmp_path):
    """Since Python 3.11 it holds its own path, which may have our name in it; and so may its prompt."""
    copy = bare_copy(tmp_path / "tvm_litecoop")
    (copy / ".venv").mkdir()
    config = f"prompt = 'tvm_litecoop'\ncommand = /usr/bin/python3 -m venv --prompt . {copy}/.venv\n"
    (copy / ".venv" / "pyvenv.cfg").write_text(config)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    run = make(copy, "setup", f"PYTHON={python}")
    assert run.returncode != 0 and "was not made here" in run.stderr
    assert (copy / ".venv" / "pyvenv.cfg").read_text() == config
    (copy / ".venv" / "pyvenv.cfg").write_text("prompt = 'litecoop-venv'\n")  # one of `make`, moved here
    assert "was not made here" not in make(copy, "setup", f"PYTHON={python}").stderr


@needs_make
def test_setup_says_how_to_mend_a_python_it_cannot_use(tmp_path):
    """In a path with a space; nothing is installed."""
    copy = bare_copy(tmp_path / "a b")
    run = make(copy, "-j4", "setup", "PYTHON=no-such python")
    assert run.returncode != 0
    assert "setup: no-such python does not run; fix: make setup PYTHON=" in run.stderr
    assert not (copy / ".venv").exists()
