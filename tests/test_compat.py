"""Pairs of TVM and its ffi: those that work pass, those that crash are refused with a remedy."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from tvm_litecoop import compat
from tvm_litecoop.errors import VersionError

GOOD = [
    ("0.27.0.post1", "0.1.14.post1"),
    ("0.27.0.post1", "0.1.14.post0"),
    ("0.27.0", "0.1.14.post1"),
    ("0.26.0", "0.1.14.post1"),
    ("0.26.0", "0.1.14.post0"),
    ("0.26.0", "0.1.13.post3"),
    ("0.25.0.post1", "0.1.12"),
]
BAD = [
    ("0.27.0.post1", "0.1.15.post2", "segmentation fault"),
    ("0.27.0", "0.1.15", "segmentation fault"),
    ("0.27.0", "0.2.0", "segmentation fault"),
    ("0.26.0", "0.1.15.post1", "segmentation fault"),
    ("0.27.0.post1", "0.1.13.post3", "TypeError"),
    ("0.27.0.post1", "0.1.12", "undefined symbol"),
    ("0.26.0", "0.1.12", "undefined symbol"),
    ("0.25.0", "0.1.13.post2", "undefined symbol"),
    ("0.25.0", "0.1.11", "Target"),
]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):
    """Pretend that these versions are installed; None for a package that is not."""

    def pretend(tvm: str | None, ffi: str | None) -> None:
        installed = {"apache-tvm": tvm, "apache-tvm-ffi": ffi}

        def version(name: str) -> str:
            found = installed[name]
            if found is None:
                raise PackageNotFoundError(name)
            return found

        monkeypatch.setattr(compat, "version", version)

    return pretend


def test_the_installed_pair_is_accepted():
    compat.check_versions()


@pytest.mark.parametrize(("tvm", "ffi"), GOOD)
def test_measured_pairs_pass(install, tvm, ffi):
    install(tvm, ffi)
    compat.check_versions()


@pytest.mark.parametrize(("tvm", "ffi", "seen"), BAD)
def test_pairs_that_crash_are_refused_in_one_line(install, tvm, ffi, seen):
    install(tvm, ffi)
    with pytest.raises(VersionError) as caught:
        compat.check_versions()
    text = str(caught.value)
    assert f"apache-tvm {tvm} and apache-tvm-ffi {ffi}" in text
    assert seen in text
    assert 'pip install "apache-tvm>=0.26,<0.28" "apache-tvm-ffi>=0.1.14.post0,<0.1.15"' in text
    assert "\n" not in text


@pytest.mark.parametrize(("tvm", "ffi"), [("0.28.0", "0.1.16"), ("0.28.dev0+g1234abc", "0.1.15"), ("1.0", "1.0")])
def test_a_tvm_nobody_measured_passes(install, tvm, ffi):
    install(tvm, ffi)
    compat.check_versions()


@pytest.mark.parametrize(
    ("tvm", "ffi", "named"),
    [
        (None, None, "apache-tvm and apache-tvm-ffi not installed"),
        (None, "0.1.14.post1", "apache-tvm not installed"),
        ("0.27.0", None, "apache-tvm-ffi not installed"),
    ],
)
def test_a_missing_package_is_named(install, monkeypatch, tvm, ffi, named):
    install(tvm, ffi)
    monkeypatch.setattr(compat, "find_spec", lambda name: None)
    with pytest.raises(VersionError, match=named) as caught:
        compat.check_versions()
    assert caught.value.hint.startswith('pip install "apache-tvm>=')


def test_a_tvm_built_from_source_passes(install, monkeypatch):
    install(None, None)
    monkeypatch.setattr(compat, "find_spec", lambda name: object())
    compat.check_versions()


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("0.1.14.post1", (0, 1, 14)),
        ("0.1.15rc0", (0, 1, 15)),
        ("0.28.dev0", (0, 28)),
        ("0.27.0+cu128", (0, 27, 0)),
        ("?", ()),
    ],
)
def test_release_numbers(text, release):
    assert compat._release(text) == release


def test_checking_imports_nothing_but_the_standard_library():
    """A wrong pair may die at `import tvm`, so the check must come without it."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from tvm_litecoop.compat import check_versions\n"
        "check_versions()\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - set(sys.stdlib_module_names)))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["tvm_litecoop"]
