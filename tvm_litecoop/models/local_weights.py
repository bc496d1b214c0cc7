"""From the path of weights to a model that is ready, and why it is not. Owns the copies that members share."""

from __future__ import annotations

import json
import logging
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

from tvm_litecoop.models.base import Fault
from tvm_litecoop.models.llm import ChatError
from tvm_litecoop.models.local_model import LocalModel

PACKED = 21
"""Bytes of float32 that a byte of GGUF can become at most: 32 bits for the 1.56 of its smallest type."""
SPARE, SPARE_GGUF = 1.2, 2.0
"""Memory to have for each byte of weights: GGUF is there as read and as computed with for a while (1.8 measured)."""

logger = logging.getLogger(__name__)
_loading = threading.Lock()


@dataclass(frozen=True)
class Weights:
    """Which weights, and where they compute.

    Attributes:
        path: Directory with a model; without a `gguf_file` it holds safetensors.
        gguf_file: File name inside it, for GGUF weights.
        device: `cpu`, `cuda`, `cuda:1`, ...
    """

    path: str
    gguf_file: str = ""
    device: str = "cpu"

    @classmethod
    def of(cls, path: str, gguf_file: str, device: str) -> Weights:
        """The path may name a GGUF file itself."""
        file = Path(path).expanduser()
        if not gguf_file and file.suffix.lower() == ".gguf":
            return cls(str(file.parent), file.name, device)
        return cls(str(file) if path else "", gguf_file, device)


def loaded(weights: Weights) -> LocalModel:
    """The one copy of a model in this process, loaded on first use.

    Raises:
        ChatError: With why it cannot be loaded.
    """
    with _loading:
        return _ready(weights)


@cache
def _ready(weights: Weights) -> LocalModel:
    where = Path(weights.path, weights.gguf_file)
    needed = where if weights.gguf_file else where / "config.json"
    if not weights.path or not needed.is_file():
        detail = f"{needed} is no file" if weights.path else "no path is given"
        raise ChatError(Fault("no such model", detail, lasting=True))
    start = time.perf_counter()
    logger.info("loading %s from %s ...", weights.gguf_file or where.name, weights.path)
    try:
        local = _load(weights)
    except ChatError:
        raise
    except ImportError as error:
        detail = f"{line_of(error)}; pip install 'tvm_litecoop[hf]'"
        raise ChatError(Fault("not installed", detail, lasting=True)) from None
    except Exception as error:  # readers of weights raise anything
        full = isinstance(error, MemoryError) or "out of memory" in str(error).lower()
        kind = "out of memory" if full else "broken weights"
        raise ChatError(Fault(kind, f"{where}: {line_of(error)}", lasting=True)) from None
    logger.info("loaded in %.1f s", time.perf_counter() - start)
    return local


def _load(weights: Weights) -> LocalModel:
    # Waiting threads of OpenMP spin: beside other load two cores were 20 times slower. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else it warns of every fork
    import llguidance  # noqa: F401  # missing packages are told before the long part
    import torch

    transformers: Any = import_module("transformers")  # its types change from version to version
    dtype = torch.float32 if weights.device.startswith("cpu") else "auto"  # bfloat16 decodes slower on CPUs
    _check_device(weights.device)
    if weights.device.startswith("cpu"):
        _check_memory(weights)
    source: dict[str, Any] = {"pretrained_model_name_or_path": weights.path, "local_files_only": True}
    if weights.gguf_file:
        source["gguf_file"] = weights.gguf_file
    with _quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
        model = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=dtype, use_safetensors=True)
    return LocalModel(model.to(weights.device).eval(), tokenizer)


def _check_device(device: str) -> None:
    """Whether torch can compute there.

    Raises:
        ChatError: It cannot.
    """
    import torch

    try:
        torch.empty(1, device=device)
    except Exception as error:  # one per kind of device
        raise ChatError(Fault("no such device", f"{device}: {line_of(error)}", lasting=True)) from None


def _check_memory(weights: Weights) -> None:
    """Whether float32 weights fit, before the system has to kill someone.

    Raises:
        ChatError: They do not.
    """
    import psutil

    free = psutil.virtual_memory().available
    file = Path(weights.path, weights.gguf_file)
    if weights.gguf_file and file.stat().st_size * PACKED * SPARE_GGUF < free:
        return  # counting takes seconds
    need = 4 * SPARE_GGUF * _gguf_params(file) if weights.gguf_file else 4 * SPARE * sum(map(_params, _parts(file)))
    if need > free:
        detail = f"{file} needs {need / 2**30:.1f} GiB as float32, {free / 2**30:.1f} GiB are free"
        raise ChatError(Fault("out of memory", detail, lasting=True))


def _parts(folder: Path) -> list[Path]:
    """The files that transformers loads; a folder may hold the same weights once more, in another form."""
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if index.exists() and not whole.exists():
        return [folder / name for name in set(json.loads(index.read_text())["weight_map"].values())]
    return [whole] if whole.exists() else list(folder.glob("*.safetensors"))


def _gguf_params(file: Path) -> int:
    from gguf import GGUFReader

    return sum(int(tensor.n_elements) for tensor in GGUFReader(file).tensors)


def _params(file: Path) -> int:
    """Numbers in a safetensors file, by its header: its length in eight bytes, then JSON."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the bars and warnings of transformers off the user's terminal."""
    reader: Any = import_module("transformers.modeling_gguf_pytorch_utils")
    chatter: Any = import_module("transformers.utils.logging")
    verbosity, bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    tqdm = getattr(reader, "tqdm", None)
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    if tqdm is not None:
        reader.tqdm = partial(tqdm, disable=True)  # this bar heeds no setting
    try:
        yield
    finally:
        chatter.set_verbosity(verbosity)
        if bars:
            chatter.enable_progress_bar()
        if tqdm is not None:
            reader.tqdm = tqdm


def line_of(error: object) -> str:
    """An error in one line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
