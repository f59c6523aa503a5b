"""Encoder and decoder: small residual networks on 4 x 4 blocks, sized for two CPU cores.

image 3 x 64 x 64 --unshuffle 4--> 48 x 16 x 16 --+
                                                  +-> conv, residual blocks -> 48 x 16 x 16 --shuffle 4--> raw
bits n --linear--> 32 x 8 x 8 --nearest--> 16 x 16 +

image --unshuffle 4--> conv, residual block at 16 x 16 --stride 2--> residual blocks at 8 x 8 --linear--> n logits
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, cat, nn

BLOCK = 4  # pixels per side of an unshuffled block
MESSAGE_CHANNELS = 32
MESSAGE_SIDE = 8
READOUT_CHANNELS = 32


class Residual(nn.Module):
    """Two 3 x 3 convolutions around an identity; starts as nearly the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.normal_(self.second.weight, std=0.1 / (9 * channels) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Give x plus what the block has to add."""
        out: Tensor = x + self.second(F.silu(self.first(F.silu(x))))
        return out


class Encoder(nn.Module):
    """Image and bits to a raw residual, unbounded."""

    def __init__(self, n_bits: int, size: int, width: int, depth: int) -> None:
        super().__init__()
        self.side = size // BLOCK
        self.message = nn.Linear(n_bits, MESSAGE_CHANNELS * MESSAGE_SIDE**2)
        self.enter = nn.Conv2d(3 * BLOCK**2 + MESSAGE_CHANNELS, width, 3, padding=1)
        self.body = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.leave = nn.Conv2d(width, 3 * BLOCK**2, 3, padding=1)

    def forward(self, images: Tensor, bits: Tensor) -> Tensor:
        """Raw residual of the images' shape."""
        message = self.message(2 * bits - 1).view(-1, MESSAGE_CHANNELS, MESSAGE_SIDE, MESSAGE_SIDE)
        message = F.interpolate(message, size=(self.side, self.side))
        blocks = F.pixel_unshuffle(images - 0.5, BLOCK)
        hidden = self.body(self.enter(cat([blocks, message.to(blocks.dtype)], dim=1)))
        return F.pixel_shuffle(self.leave(F.silu(hidden)), BLOCK)


class Decoder(nn.Module):
    """Image to n logits."""

    def __init__(self, n_bits: int, size: int, width: int, depth: int) -> None:
        super().__init__()
        side = size // BLOCK // 2
        self.enter = nn.Conv2d(3 * BLOCK**2, width, 3, padding=1)
        self.fine = Residual(width)
        self.halve = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(*(Residual(2 * width) for _ in range(depth)))
        self.narrow = nn.Conv2d(2 * width, READOUT_CHANNELS, 1)
        self.read = nn.Linear(READOUT_CHANNELS * side**2, n_bits)

    def forward(self, images: Tensor) -> Tensor:
        """Log-odds of each bit."""
        hidden = self.fine(self.enter(F.pixel_unshuffle(images - 0.5, BLOCK)))
        hidden = self.coarse(self.halve(F.silu(hidden)))
        logits: Tensor = self.read(self.narrow(F.silu(hidden)).flatten(1))
        return logits
