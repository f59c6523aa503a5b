"""The average of a generator over its training: what is watched, saved and sampled."""

from __future__ import annotations

import torch
from torch import nn

WARM_UP = 0.05  # the half-life is at most this part of all images shown


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, shown: int, batch: int, half_life: float) -> None:
    """Move the average after a batch, the last of `shown` images; running statistics are copied."""
    keep = kept_share(batch, half_life, shown)
    for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - keep)
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(now)


def kept_share(batch: int, half_life: float, shown: int) -> float:
    """What the average keeps of itself over a batch; its half-life grows with the images shown, to `half_life`."""
    half_life = min(half_life, WARM_UP * shown)
    return 0.5 ** (batch / half_life) if half_life > 0 else 0.0
