"""`model.so`: a compiled model as one file, with the names, shapes and dtypes of its inputs inside."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tvm

from tvm_litecoop.errors import ConfigError, LiteCoOpError, last_line
from tvm_litecoop.measure.export import check_linker
from tvm_litecoop.model_files.model import Argument
from tvm_litecoop.tuning.end_to_end import Running
from tvm_litecoop.tuning.lowering import ABOUT

SUFFIXES = (".so", ".dylib", ".dll")
"""Of shared libraries."""
HOW = "make one with litecoop tune model.onnx -o model.so"


@dataclass(frozen=True)
class About:
    """What a file says of itself.

    Attributes:
        spec: The model it was made of; the file is handed on, so not where that lay.
        target: The machine it was made for.
        inputs: In call order.
    """

    spec: str
    target: str
    inputs: tuple[Argument, ...]

    def as_text(self) -> str:
        """JSON."""
        return json.dumps(
            {"spec": self.spec, "target": self.target, "inputs": [[i.name, i.shape, i.dtype] for i in self.inputs]}
        )

    @classmethod
    def of_text(cls, text: str) -> About:
        """From JSON.

        Raises:
            ValueError: It is none of ours.
        """
        try:
            found = json.loads(text)
            inputs = tuple(Argument(name, tuple(shape), dtype) for name, shape, dtype in found["inputs"])
            return cls(found["spec"], found["target"], inputs)
        except (KeyError, TypeError) as error:
            raise ValueError(f"what it says of itself is incomplete: {error}") from None


def checked(file: Path) -> Path:
    """The file, which TVM can write a compiled model to.

    Raises:
        ConfigError: It cannot: it writes other suffixes as something else.
    """
    if file.suffix not in SUFFIXES:
        raise ConfigError(f"-o {file}: a compiled model is a shared library", f"let it end in {SUFFIXES[0]}")
    return file


def is_ours(content: bytes) -> bool:
    """Whether a file of this content is a model that we have compiled."""
    return ABOUT.encode() in content


def write(executable: Any, file: Path) -> None:
    """Write a compiled model, whole or not at all.

    Raises:
        LiteCoOpError: It cannot be written, or linked.
    """
    check_linker()
    file = file.resolve()
    draft = file.with_name(f".{file.stem}-{os.getpid()}{file.suffix}")
    try:
        with _muted():
            executable.export_library(str(draft))
        draft.replace(file)
    except (OSError, RuntimeError) as error:
        raise LiteCoOpError(f"{file} cannot be written: {last_line(error)}", "choose another -o") from None
    finally:
        draft.unlink(missing_ok=True)


def read(file: Path) -> tuple[Running, About]:
    """Load a compiled model.

    Raises:
        LiteCoOpError: There is no such file, or it is none of ours. A library without our mark is not loaded.
    """
    if not file.is_file():
        raise LiteCoOpError(f"{file} is {'a directory' if file.is_dir() else 'not there'}", HOW)
    try:
        if not is_ours(file.read_bytes()):
            raise ValueError("it has no description of its inputs")
        with _muted():
            module = tvm.runtime.load_module(str(file.absolute()))
            said = tvm.relax.VirtualMachine(module, tvm.cpu())[ABOUT]().numpy().tobytes().decode()
        return Running(module), About.of_text(said)
    except (OSError, RuntimeError, ValueError, AttributeError) as error:
        raise LiteCoOpError(f"{file} is no model that litecoop has compiled: {last_line(error)}", HOW) from None


def matched(inputs: Sequence[Argument], given: dict[str, Path]) -> dict[str, Any]:
    """The arrays of `--input name=file.npy`, by name.

    Raises:
        LiteCoOpError: A name that is none, a file that is no array, or one of another shape or dtype.
    """
    import numpy as np

    known = {one.name: one for one in inputs}
    found = {}
    for name, file in given.items():
        if name not in known:
            raise LiteCoOpError(f"--input {name}: there is no such input", f"it has {', '.join(known)}")
        try:
            array = np.load(file, allow_pickle=False)
            if not isinstance(array, np.ndarray):
                raise ValueError("it holds several arrays")
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise LiteCoOpError(f"--input {name}={file} cannot be read: {error}", "write it with numpy.save") from None
        if array.shape != known[name].shape or str(array.dtype) != known[name].dtype:
            raise LiteCoOpError(
                f"--input {name}={file} is {array.dtype} {'x'.join(map(str, array.shape))}", f"needed is {known[name]}"
            )
        found[name] = array
    return found


@contextmanager
def _muted() -> Iterator[None]:
    """TVM's C++ warns of every scope that it saves or loads, without saying of what."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
