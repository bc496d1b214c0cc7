"""A Llama-style decoder: RMS norm, grouped-query attention with rotary embedding, SwiGLU; a prompt is read at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class RMSNorm(nn.Module):  # type: ignore[misc]
    """Root mean square norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Any) -> Any:
        """Any shape with `width` last."""
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Attention(nn.Module):  # type: ignore[misc]
    """Causal attention in which several query heads share a key and a value head."""

    def __init__(self, width: int, heads: int, kv_heads: int, tokens: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(width, kv_heads * self.size, bias=False)
        self.v = nn.Linear(width, kv_heads * self.size, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        angles = torch.outer(torch.arange(tokens), 1e4 ** (-torch.arange(0, self.size, 2) / self.size))
        self.register_buffer("cos", torch.cat([angles, angles], -1).cos())
        self.register_buffer("sin", torch.cat([angles, angles], -1).sin())
        self.register_buffer("mask", torch.full((tokens, tokens), -1e9).triu(1))

    def _rotated(self, x: Any) -> Any:
        left, right = x.chunk(2, -1)
        return x * self.cos + torch.cat([-right, left], -1) * self.sin

    def forward(self, x: Any) -> Any:
        """(batch, tokens, width) -> the same."""
        batch, tokens, width = x.shape
        q = self.q(x).view(batch, tokens, self.heads, self.size).transpose(1, 2)
        k = self.k(x).view(batch, tokens, self.kv_heads, self.size).transpose(1, 2)
        v = self.v(x).view(batch, tokens, self.kv_heads, self.size).transpose(1, 2)
        group = self.heads // self.kv_heads
        shape = (batch, self.kv_heads, group, tokens, self.size)
        k = self._rotated(k).unsqueeze(2).expand(shape).reshape(batch, self.heads, tokens, self.size)
        v = v.unsqueeze(2).expand(shape).reshape(batch, self.heads, tokens, self.size)
        scores = self._rotated(q) @ k.transpose(-1, -2) / self.size**0.5 + self.mask
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, width))


class Layer(nn.Module):  # type: ignore[misc]
    """Attention and a gated feed-forward network, each with its norm and a shortcut."""

    def __init__(self, width: int, heads: int, kv_heads: int, hidden: int, tokens: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = RMSNorm(width), RMSNorm(width)
        self.attention = Attention(width, heads, kv_heads, tokens)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Any) -> Any:
        """(batch, tokens, width) -> the same."""
        x = x + self.attention(self.norm1(x))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def decoder(
    layers: int = 2, width: int = 1024, heads: int = 16, kv_heads: int = 4, hidden: int = 2816, tokens: int = 64
) -> tuple[Any, tuple[Any, ...]]:
    """The decoder and the embedded tokens of one prompt."""
    torch.manual_seed(1)
    network = nn.Sequential(*(Layer(width, heads, kv_heads, hidden, tokens) for _ in range(layers)), RMSNorm(width))
    return network.eval(), (torch.randn(1, tokens, width),)
