"""Parts of networks that several families share."""

from __future__ import annotations

import math

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


class KeyedProjection(nn.Module):
    """The same for a class and a key after it, <V h, key> / sqrt(key bits): V h is what is read of each bit.

    Each term has its own scale: one for both would drown a class, a single one, in the many signs of a key.
    """

    def __init__(self, conditions: int, features: int, key_bits: int) -> None:
        super().__init__()
        self.classes = conditions - key_bits
        self.told = Projection(self.classes, features) if self.classes else None
        self.read = nn.Linear(features, key_bits, bias=False)

    def forward(self, hidden: Tensor, condition: Tensor) -> Tensor:
        """One number for each image."""
        told, key = condition.tensor_split([self.classes], dim=1)
        score = (self.read(hidden) * key).sum(dim=1) / key.shape[1] ** 0.5
        return score if self.told is None else score + self.told(hidden, told)


def projection(conditions: int, features: int, key_bits: int) -> nn.Module | None:
    """What the score owes to conditions, of which the last are a key; None where there are none."""
    if key_bits:
        return KeyedProjection(conditions, features, key_bits)
    return Projection(conditions, features) if conditions else None


class PixelNorm(nn.Module):
    """Every feature vector to unit mean square (Karras et al., ICLR 2018, section 4.2)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalised over channels."""
        return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


GROUP = 4  # images whose spread is measured together; of a batch, real and generated ones must each be a multiple


def with_batch_spread(x: Tensor) -> Tensor:
    """One more channel: how much the images of a group differ (the same, section 3; groups as in StyleGAN2).

    A group is `GROUP` images that follow one another: real and generated ones, judged in one go, are never in the same.
    """
    group = math.gcd(GROUP, len(x))
    grouped = x.view(-1, group, *x.shape[1:]).float()
    spread = (grouped.var(dim=1, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    channel = spread.repeat_interleave(group).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
    return torch.cat([x, channel.to(x.dtype)], dim=1)
