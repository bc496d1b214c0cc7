"""Which apache-tvm goes with which apache-tvm-ffi. Owns `check_versions`, called before TVM is imported.

A wrong pair ends in a segmentation fault or a linker error, where no Python code can explain anything any
more; so this reads the metadata of the installed packages and imports nothing but the standard library.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from tvm_litecoop.errors import VersionError

TVM, FFI = "apache-tvm", "apache-tvm-ffi"

REQUIREMENTS = ("apache-tvm>=0.26,<0.28", "apache-tvm-ffi>=0.1.14.post0,<0.1.15")
"""The pair we support; `setup.py` requires the same (a test compares them)."""

Release = tuple[int, ...]

_WORKS = ""
_NO_TARGET = "TVM then has no Target"
_UNDEFINED = "undefined symbol when TVM is loaded"
_NO_COPY = "TypeError in __ffi_shallow_copy__ as soon as a function gets an attribute"
_SEGFAULT = "segmentation fault in ToJSONGraph as soon as a program is saved"

# For each TVM, the outcome below each ffi release; () stands for "and all later ones". Seen with the
# wheels of PyPI on x86-64 Linux, Python 3.11; measured were ffi 0.1.11, 0.1.12, 0.1.13.post2, 0.1.13.post3,
# 0.1.14.post0, 0.1.14.post1 and 0.1.15 to 0.1.15.post2.
_SEEN: dict[Release, tuple[tuple[Release, str], ...]] = {
    (0, 25): (((0, 1, 12), _NO_TARGET), ((0, 1, 13), _WORKS), ((), _UNDEFINED)),
    (0, 26): (((0, 1, 13), _UNDEFINED), ((0, 1, 15), _WORKS), ((), _SEGFAULT)),
    (0, 27): (((0, 1, 13), _UNDEFINED), ((0, 1, 14), _NO_COPY), ((0, 1, 15), _WORKS), ((), _SEGFAULT)),
}


def check_versions() -> None:
    """Refuse versions of TVM and its ffi that are known to crash together.

    A TVM without a row above (newer, or built from source) passes.

    Raises:
        VersionError: One of them is missing, or the pair is a known-bad one. The hint is the command that
            mends it.
    """
    tvm, ffi = _installed(TVM), _installed(FFI)
    if tvm is None and find_spec("tvm") is not None:
        return  # built from source, on PYTHONPATH: no metadata to judge by
    missing = [name for name, found in ((TVM, tvm), (FFI, ffi)) if found is None]
    if tvm is None or ffi is None:
        raise VersionError(f"{' and '.join(missing)} not installed", _remedy())
    seen = _outcome(_release(tvm), _release(ffi))
    if seen != _WORKS:
        raise VersionError(f"{TVM} {tvm} and {FFI} {ffi} do not work together: {seen}", _remedy())


def _outcome(tvm: Release, ffi: Release) -> str:
    for below, seen in _SEEN.get(tvm[:2], ()):
        if not below or ffi < below:
            return seen
    return _WORKS


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _release(text: str) -> Release:
    """The numbers before any post, rc or local part: "0.1.14.post1" is (0, 1, 14)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def _remedy() -> str:
    return "pip install " + " ".join(f'"{requirement}"' for requirement in REQUIREMENTS)
