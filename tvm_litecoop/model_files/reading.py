"""Reading a foreign file: what libraries print is kept from the screen, what they raise becomes one line."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from tvm_litecoop.errors import WorkloadError


def needed(package: str, extra: str, spec: str) -> Any:
    """Import a package that a file needs.

    Raises:
        WorkloadError: It is not installed; the message has the command.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise WorkloadError(f"{spec} needs the package {package.partition('.')[0]}", f"pip install {extra}") from None


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Nothing is printed, warned or logged; gives what was printed."""
    before, printed = logging.root.manager.disable, io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            warnings.simplefilter("ignore")
            yield printed
    finally:
        logging.disable(before)


def line_of(error: BaseException) -> str:
    """The line of an error that says what happened."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
