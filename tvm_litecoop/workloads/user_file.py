"""A workload from the user's own Python file: `path.py:attribute`, an IRModule or a PrimFunc."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import tvm
from tvm.s_tir.analysis import estimate_tir_flops
from tvm.tirx import PrimFunc

from ..errors import WorkloadError
from .base import MAIN, Workload

_TEXT = re.compile(r"(?P<path>.*\.py)(?::(?P<attribute>.*))?")
_FORM = "expected path.py:attribute, for example kernels.py:my_matmul"
_HOW = "write it with te.create_prim_func, or with @T.prim_func(s_tir=True) and T.sblock"


def is_user_file(text: str) -> bool:
    """Whether the text names a Python file, existing or not."""
    return _TEXT.fullmatch(text) is not None


def load(text: str) -> Workload:
    """The workload that a text names.

    Raises:
        WorkloadError: As `value_of` and `workload_of`.
    """
    return workload_of(value_of(text), text)


def value_of(text: str) -> Any:
    """Imports the file and takes the attribute.

    The file runs as it would under `python path.py`, except that `__name__` is not "__main__" and its folder is not
    on `sys.path`.

    Raises:
        WorkloadError: The file or the attribute is missing, or the file raises.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise WorkloadError(f"{text!r} names no Python file", _FORM)
    path, attribute = match["path"], match["attribute"] or ""
    module = _import(Path(os.path.expanduser(path)))  # leaves `~nobody` as it is, where pathlib raises
    if not attribute or not hasattr(module, attribute):
        kept = [name for name, value in vars(module).items() if isinstance(value, (tvm.IRModule, PrimFunc))]
        what = f"has no attribute {attribute!r}" if attribute else "needs the name of an attribute"
        have = f"it has {', '.join(kept)}" if kept else "it has no IRModule and no PrimFunc"
        raise WorkloadError(f"{path} {what}; {have}", _FORM)
    return getattr(module, attribute)


def workload_of(value: Any, text: str) -> Workload:
    """A function as a workload, with no reference and unit normal inputs.

    The last parameter of the function counts as its output.

    Args:
        value: A PrimFunc, or an IRModule with one.
        text: How it was named, for messages.

    Raises:
        WorkloadError: The value is not one schedulable PrimFunc of static shape.
    """
    func = _only_function(value, text)
    if not hasattr(func.body, "block"):
        raise WorkloadError(f"{text} has no blocks, so there is nothing to schedule", _HOW)
    # `tune_tir` adds noalias before it looks a module up in the database; without it here the result is not found.
    func = func.with_attr("global_symbol", MAIN).with_attr("tirx.noalias", True)
    mod = tvm.IRModule({MAIN: func})
    scales = (1.0,) * (len(func.params) - Workload.num_outputs)
    return Workload(text.rpartition(":")[2], text, mod, int(estimate_tir_flops(mod)), scales)


def _import(path: Path) -> ModuleType:
    if not path.is_file():
        raise WorkloadError(f"there is no file {path}", _FORM)
    name = f"_tvm_litecoop_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path  # the name ends in .py, so there is a loader
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    # TVMScript finds the source of a class by its module's entry here.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        sys.modules.pop(name, None)
        lines = _said(error).splitlines() or ["no message"]
        hint = "mend the file"
        if isinstance(error, ImportError) and "tvm.script" in lines[0]:
            hint = "in this TVM: from tvm.script import tirx as T"
        elif isinstance(error, ModuleNotFoundError) and (path.parent / f"{error.name}.py").exists():
            hint = f"set PYTHONPATH={path.parent.absolute()}, where that module is"
        raise WorkloadError(f"{path} raises {type(error).__name__} on import: {lines[0]}", hint) from error
    return module


def _said(error: BaseException) -> str:
    """What an exception of the user's code says, if it can."""
    try:
        return str(error).strip()
    except Exception:  # its own text raises
        return ""


def _only_function(value: Any, text: str) -> Any:
    """The PrimFunc itself, or the only function of an IRModule."""
    if isinstance(value, PrimFunc):
        return value
    if not isinstance(value, tvm.IRModule):
        raise WorkloadError(f"{text} is of type {type(value).__name__}, not an IRModule or a PrimFunc", _HOW)
    functions = {var.name_hint: func for var, func in value.functions.items()}
    if len(functions) != 1:
        have = f"{len(functions)} functions ({', '.join(sorted(functions))})" if functions else "no function"
        raise WorkloadError(f"{text} holds {have}, needs exactly one", "name one PrimFunc: path.py:attribute")
    (func,) = functions.values()
    if not isinstance(func, PrimFunc):
        raise WorkloadError(f"{text} holds one {type(func).__name__}, not a PrimFunc", _HOW)
    return func
