"""Parts of networks that several families share."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Projection(nn.Module):
    """What a discriminator's score owes to the condition: <W c, h> / sqrt(n).

    The projection discriminator (Miyato and Koyama, ICLR 2018, equation 3), for conditions of any kind: a class is a
    row with a single one, and W then its embedding.
    """

    def __init__(self, conditions: int, features: int) -> None:
        super().__init__()
        self.embed = nn.Linear(conditions, features, bias=False)

    def forward(self, hidden: Tensor, condition: Tensor | None) -> Tensor:
        """One number for each image."""
        return (self.embed(condition) * hidden).sum(dim=1) / hidden.shape[1] ** 0.5


class PixelNorm(nn.Module):
    """Every feature vector to unit mean square (Karras et al., ICLR 2018, section 4.2)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalised over channels."""
        return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def with_batch_spread(x: Tensor, group: int = 4) -> Tensor:
    """One more channel: how much the images of a group differ (the same, section 3, as StyleGAN2 groups them).

    Image i is in a group with i + n/group, i + 2 n/group ...
    """
    group = min(group, len(x))
    while len(x) % group:
        group -= 1
    grouped = x.view(group, -1, *x.shape[1:]).float()
    spread = (grouped.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3), keepdim=True)
    return torch.cat([x, spread.repeat(group, 1, 1, 1).expand(-1, 1, *x.shape[2:]).to(x.dtype)], dim=1)
