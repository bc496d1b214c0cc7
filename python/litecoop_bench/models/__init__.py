"""Real networks in plain torch with initialised weights: nothing is downloaded, and torchvision is not needed.

Each file has a function that gives `(module, example inputs)`; `SMALL` are the sizes of the tests.

resnet.py    ResNet-18
decoder.py   a Llama-style decoder: grouped-query attention, rotary embedding, RMS norm, SwiGLU
bert.py      BERT layers
mobilenet.py MobileNetV2 blocks: depthwise convolutions
moe.py       a mixture-of-experts block: two of several experts for each token
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litecoop_bench.models.bert import bert
from litecoop_bench.models.decoder import decoder
from litecoop_bench.models.mobilenet import mobilenet
from litecoop_bench.models.moe import moe
from litecoop_bench.models.resnet import resnet18

MODELS: dict[str, Callable[..., tuple[Any, tuple[Any, ...]]]] = {
    "resnet18": resnet18,
    "decoder": decoder,
    "bert": bert,
    "mobilenet": mobilenet,
    "moe": moe,
}
"""By name; called without arguments they have their honest size."""

SMALL: dict[str, dict[str, int]] = {
    "resnet18": {"width": 8, "size": 32, "blocks": 1},
    "decoder": {"layers": 1, "width": 64, "heads": 4, "kv_heads": 2, "hidden": 96, "tokens": 8},
    "bert": {"width": 64, "heads": 4, "hidden": 128, "tokens": 8},
    "mobilenet": {"width": 8, "size": 16, "blocks": 2},
    "moe": {"width": 32, "hidden": 48, "experts": 4, "tokens": 8},
}
"""The same networks with few channels and layers."""
