"""The file that a text names, as a model or as a kernel."""

from __future__ import annotations

import os
from pathlib import Path

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.model_files import onnx_file, relax_module, torch_file
from tvm_litecoop.model_files.model import Model
from tvm_litecoop.model_files.shapes import Shapes
from tvm_litecoop.workloads import Workload, parse, user_file

READERS = {".onnx": onnx_file.load, ".pt2": torch_file.load}
SAVED = {".pt", ".pth", ".ckpt", ".safetensors", ".bin"}
"""Weights without a program, mostly."""


def load(text: str, shapes: Shapes) -> Model | Workload:
    """What a text names.

    Args:
        text: `model.onnx`, `model.pt2`, `path.py:attribute`, or a built-in workload.
        shapes: Shapes of inputs by name.

    Raises:
        WorkloadError: One line that says what cannot be used and how to mend it.
    """
    suffix = Path(text).suffix.lower()
    if suffix in READERS:
        path = Path(os.path.expanduser(text))  # leaves `~nobody` as it is, where pathlib raises
        if not path.is_file():
            why = "is a directory" if path.is_dir() else "is not there"
            raise WorkloadError(f"{text} {why}", "name a file, for example model.onnx or model.pt2")
        return READERS[suffix](path, text, shapes)
    if suffix in SAVED:
        raise WorkloadError(f"{text}: a file of weights has no program in it", "torch.export.save(..., 'model.pt2')")
    if user_file.is_user_file(text):
        value = user_file.value_of(text)
        found = torch_file.of_value(value, text, shapes) or relax_module.of_value(value, text, shapes)
        if found is None and shapes:
            raise WorkloadError("--shape is for models from files", f"{text} has its shapes in it")
        return found or user_file.workload_of(value, text)
    if shapes:
        raise WorkloadError(
            "--shape is for models from files", "a built-in has its shape in its name: litecoop tune --help"
        )
    return parse(text)
