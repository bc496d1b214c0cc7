"""A mixture-of-experts block: a router sends each token to two of several feed-forward networks.

Every expert computes every token and the router's weights, 0 for those not chosen, add them up: shapes stay static.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

CHOSEN = 2
"""Experts of a token."""


class Mixture(nn.Module):  # type: ignore[misc]
    """The router and its experts."""

    def __init__(self, width: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts, bias=False)
        self.up = nn.Parameter(torch.randn(experts, width, hidden) / width**0.5)
        self.down = nn.Parameter(torch.randn(experts, hidden, width) / hidden**0.5)

    def forward(self, x: Any) -> Any:
        """(tokens, width) -> the same."""
        scores = self.router(x).softmax(-1)
        best, _ = scores.topk(CHOSEN, -1)
        weights = torch.where(scores >= best[:, -1:], scores, torch.zeros_like(scores))
        weights = weights / weights.sum(-1, keepdim=True)
        made = F.silu(torch.matmul(x.unsqueeze(0), self.up))
        made = torch.matmul(made, self.down)  # (experts, tokens, width)
        return x + (made * weights.transpose(0, 1).unsqueeze(-1)).sum(0)


def moe(width: int = 512, hidden: int = 1024, experts: int = 8, tokens: int = 32) -> tuple[Any, tuple[Any, ...]]:
    """The block and the hidden states of some tokens."""
    torch.manual_seed(1)
    return Mixture(width, hidden, experts).eval(), (torch.randn(tokens, width),)
