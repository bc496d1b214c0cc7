"""Whole models from files, as Relax modules of static shape with their weights in them.

model.py        what a model is: module, inputs, who says what it must answer
loading.py      the file that a text names: a model or a kernel
onnx_file.py    model.onnx
torch_file.py   model.pt2, and torch objects of a Python file
relax_module.py a Relax module of a Python file
reading.py      what foreign libraries print and raise
shapes.py       --shape, and inputs whose shape is not known before the run
"""

from __future__ import annotations

from tvm_litecoop.model_files.loading import load
from tvm_litecoop.model_files.model import Argument, Model

__all__ = ["Argument", "Model", "load"]
