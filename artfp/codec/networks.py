"""Encoder and decoder: small residual networks on 4 x 4 blocks of what JPEG keeps, sized for two CPU cores.

    image --luma, chroma at half size--> 24 x 16 x 16 --+
                                                        +-> conv, residual blocks --> 24 x 16 x 16 --> luma, chroma
    bits n --linear--> 32 x 8 x 8 --nearest--> 32 x ----+

    image --> 24 x 16 x 16 --> conv, residual block --stride 2--> residual blocks at 8 x 8 --linear--> n logits

JPEG keeps chroma at half size. A decoder on RGB reads the host's own subsampling errors (LAB.md, 2026-11-21: at quality
80 they cost seven points of accuracy); these blocks are the same before and after 4:2:0.
"""

from __future__ import annotations

import kornia
import torch.nn.functional as F
from torch import Tensor, cat, nn

BLOCK = 4  # pixels per side of a block
BLOCK_CHANNELS = BLOCK**2 + 2 * (BLOCK // 2) ** 2
MESSAGE_CHANNELS = 32
MESSAGE_SIDE = 8
READOUT_CHANNELS = 32


def to_blocks(images: Tensor) -> Tensor:
    """Luma and half-size chroma around zero, one column of 24 channels for every 4 x 4 pixels."""
    ycbcr = kornia.color.rgb_to_ycbcr(images) - 0.5
    chroma = F.avg_pool2d(ycbcr[:, 1:], 2)
    return cat([F.pixel_unshuffle(ycbcr[:, :1], BLOCK), F.pixel_unshuffle(chroma, BLOCK // 2)], dim=1)


def from_blocks(blocks: Tensor) -> Tensor:
    """Planes of luma and chroma N x 3 x H x W out of such columns; the chroma comes in 2 x 2 squares."""
    luma = F.pixel_shuffle(blocks[:, : BLOCK**2], BLOCK)
    chroma = F.pixel_shuffle(blocks[:, BLOCK**2 :], BLOCK // 2)
    return cat([luma, F.interpolate(chroma, scale_factor=2.0)], dim=1)


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
        self.enter = nn.Conv2d(BLOCK_CHANNELS + MESSAGE_CHANNELS, width, 3, padding=1)
        self.body = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.leave = nn.Conv2d(width, BLOCK_CHANNELS, 3, padding=1)

    def forward(self, images: Tensor, bits: Tensor) -> Tensor:
        """Raw planes of luma and chroma, N x 3 x size x size."""
        message = self.message(2 * bits - 1).view(-1, MESSAGE_CHANNELS, MESSAGE_SIDE, MESSAGE_SIDE)
        message = F.interpolate(message, size=(self.side, self.side))
        blocks = to_blocks(images)
        hidden = self.body(self.enter(cat([blocks, message.to(blocks.dtype)], dim=1)))
        return from_blocks(self.leave(F.silu(hidden)))


class Decoder(nn.Module):
    """Image to n logits."""

    def __init__(self, n_bits: int, size: int, width: int, depth: int) -> None:
        super().__init__()
        side = size // BLOCK // 2
        self.enter = nn.Conv2d(BLOCK_CHANNELS, width, 3, padding=1)
        self.fine = Residual(width)
        self.halve = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(*(Residual(2 * width) for _ in range(depth)))
        self.narrow = nn.Conv2d(2 * width, READOUT_CHANNELS, 1)
        self.read = nn.Linear(READOUT_CHANNELS * side**2, n_bits)

    def forward(self, images: Tensor) -> Tensor:
        """Log-odds of each bit."""
        hidden = self.fine(self.enter(to_blocks(images)))
        hidden = self.coarse(self.halve(F.silu(hidden)))
        logits: Tensor = self.read(self.narrow(F.silu(hidden)).flatten(1))
        return logits
