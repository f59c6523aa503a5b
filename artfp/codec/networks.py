"""Encoder and decoder: small residual networks on 16 x 16 blocks of the image, sized for two CPU cores.

image 3 x 64 x 64 --unshuffle 4--> 48 x 16 x 16 --> conv, residual blocks -> 48 x 16 x 16 --shuffle 4--> raw
bits, what is read of them unmarked --linear--> 32 x 8 x 8 --> 32 x 16 x 16 --^

image, two bands of its detail --unshuffle 4--> conv, residual block at 16 x 16 --stride 2--> residual blocks at 8 x 8
  --linear--> n logits
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, cat, nn

GRID = 16  # blocks a side, whatever the image's size: their pixels become channels
MESSAGE_CHANNELS = 32
MESSAGE_SIDE = 8
READOUT_CHANNELS = 32
BAND_CHANNELS = 9
EDGE = 0.04  # detail beyond this is an edge of the picture, not a mark (at 36 dB a mark's deviation is .016)


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


def bands(images: Tensor) -> Tensor:
    """The image and two bands of its detail, 9 channels; strong edges saturate, so that they do not drown the marks."""
    fine, coarse = (_smoothed(images, factor) for factor in _scales(images.shape[-1]))
    detail = [(band / EDGE).tanh() for band in (images - fine, fine - coarse)]
    return cat([images - 0.5, *detail], dim=1)


def _scales(size: int) -> tuple[int, int]:
    """Of the pyramid (Burt and Adelson 1983) whose differences are the two bands: half a block, and two."""
    return max(2, size // GRID // 2), 2 * size // GRID


def _smoothed(images: Tensor, factor: int) -> Tensor:
    return F.interpolate(F.avg_pool2d(images, factor), scale_factor=float(factor), mode="bilinear")


class Encoder(nn.Module):
    """Image, bits, and what the decoder reads from the image as it is, to a raw residual, unbounded.

    Told which bits the image already carries, the encoder spends its strength on the others (informed embedding:
    Cox, Miller and McKellips, Proc. IEEE 87 (1999)).
    """

    def __init__(self, n_bits: int, size: int, width: int, depth: int) -> None:
        super().__init__()
        self.block = size // GRID
        pixels = 3 * self.block**2
        self.message = nn.Linear(2 * n_bits, MESSAGE_CHANNELS * MESSAGE_SIDE**2)
        self.enter = nn.Conv2d(pixels + MESSAGE_CHANNELS, width, 3, padding=1)
        self.body = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.leave = nn.Conv2d(width, pixels, 3, padding=1)

    def forward(self, images: Tensor, bits: Tensor, clean_logits: Tensor) -> Tensor:
        """Raw residual of the images' shape."""
        wanted_and_there = cat([2 * bits - 1, (clean_logits / 2).tanh()], dim=1)
        message = self.message(wanted_and_there).view(-1, MESSAGE_CHANNELS, MESSAGE_SIDE, MESSAGE_SIDE)
        message = F.interpolate(message, size=(GRID, GRID))
        blocks = F.pixel_unshuffle(images - 0.5, self.block)
        hidden = self.body(self.enter(cat([blocks, message.to(blocks.dtype)], dim=1)))
        return F.pixel_shuffle(self.leave(F.silu(hidden)), self.block)


class Decoder(nn.Module):
    """Image to n logits."""

    def __init__(self, n_bits: int, size: int, width: int, depth: int) -> None:
        super().__init__()
        self.size, self.block = size, size // GRID
        self.enter = nn.Conv2d(BAND_CHANNELS * self.block**2, width, 3, padding=1)
        self.fine = Residual(width)
        self.halve = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(*(Residual(2 * width) for _ in range(depth)))
        self.narrow = nn.Conv2d(2 * width, READOUT_CHANNELS, 1)
        self.read = nn.Linear(READOUT_CHANNELS * (GRID // 2) ** 2, n_bits)

    def forward(self, images: Tensor) -> Tensor:
        """Log-odds of each bit."""
        hidden = self.fine(self.enter(F.pixel_unshuffle(bands(images), self.block)))
        hidden = self.coarse(self.halve(F.silu(hidden)))
        logits: Tensor = self.read(self.narrow(F.silu(hidden)).flatten(1))
        return logits
