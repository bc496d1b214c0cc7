"""BERT encoder layers (arXiv 1810.04805), of the size of BERT-base, without dropout."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Layer(nn.Module):  # type: ignore[misc]
    """Attention and a feed-forward network, each with a shortcut and a norm behind it."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.q, self.k, self.v = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.out, self.up, self.down = nn.Linear(width, width), nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def _split(self, x: Any) -> Any:
        return x.view(x.shape[0], x.shape[1], self.heads, self.size).transpose(1, 2)

    def forward(self, x: Any) -> Any:
        """(batch, tokens, width) -> the same."""
        q, k, v = self._split(self.q(x)), self._split(self.k(x)), self._split(self.v(x))
        scores = (q @ k.transpose(-1, -2) / self.size**0.5).softmax(-1)
        x = self.norm1(x + self.out((scores @ v).transpose(1, 2).reshape(x.shape)))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


def bert(
    layers: int = 1, width: int = 768, heads: int = 12, hidden: int = 3072, tokens: int = 128
) -> tuple[Any, tuple[Any, ...]]:
    """The layers and the embedded tokens of one sentence."""
    torch.manual_seed(1)
    network = nn.Sequential(*(Layer(width, heads, hidden) for _ in range(layers)))
    return network.eval(), (torch.randn(1, tokens, width),)
