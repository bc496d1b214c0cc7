"""Inverted residual blocks of MobileNetV2 (arXiv 1801.04381): 1x1, depthwise 3x3, 1x1."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Block(nn.Module):  # type: ignore[misc]
    """Widen, filter each channel alone, narrow."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.body = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, inner, 3, 1, 1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Any) -> Any:
        """Image (n, channels, h, w) -> the same."""
        return x + self.body(x)


def mobilenet(width: int = 32, size: int = 28, blocks: int = 1, expansion: int = 6) -> tuple[Any, tuple[Any, ...]]:
    """The blocks and one image of the stage with 28x28 pixels."""
    torch.manual_seed(1)
    network = nn.Sequential(*(Block(width, expansion) for _ in range(blocks)))
    return network.eval(), (torch.randn(1, width, size, size),)
