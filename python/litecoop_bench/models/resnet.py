"""ResNet-18 (arXiv 1512.03385), for inference: batch norm in its evaluation form."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Block(nn.Module):  # type: ignore[misc]
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else nn.Identity()
        )

    def forward(self, x: Any) -> Any:
        """Image (n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        y = self.norm1(self.first(x)).relu()
        return (self.norm2(self.second(y)) + self.shortcut(x)).relu()


def resnet18(width: int = 64, size: int = 224, blocks: int = 2) -> tuple[Any, tuple[Any, ...]]:
    """The network and one image.

    Args:
        width: Channels of the first stage; each of the four stages has twice as many as the one before.
        size: Pixels of the image, on each side.
        blocks: Blocks of a stage.
    """
    torch.manual_seed(1)
    stages: list[Any] = []
    channels = width
    for stage in range(4):
        outputs = width << stage
        for block in range(blocks):
            stages.append(Block(channels, outputs, 2 if stage and not block else 1))
            channels = outputs
    network = nn.Sequential(
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *stages,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, 1000 if width == 64 else 10),
    )
    return network.eval(), (torch.randn(1, 3, size, size),)
