"""Files of any size to a codec's side and back, in strips of rows that stay in the processor's cache.

    pixels --shrunk--> an image at the codec's side --residual--> with_residual(pixels) --> marked pixels

A megapixel takes twelve megabytes in float32, and each pass over these as long as a network over the small image. Both
functions compute what `images.resize` does, which is linear, in rows and columns apart; so its own weights, found by
resizing unit vectors, do for rows what it does, and of these a strip needs only the few that are not zero.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artfp.images import resize

STRIP = 64  # rows
COLUMNS = 256  # unit vectors that are resized at once

Pixels = NDArray[np.uint8]  # H x W x 3


@torch.no_grad()
def shrunk(pixels: Pixels, side: int) -> Tensor:
    """The whole image as 1 x 3 x side x side, in [0, 1]."""
    weights, rows = row_weights(len(pixels), side), torch.zeros(side, pixels[0].size)
    for strip in _strips(pixels):
        part = weights[:, strip]
        used = _used(part.any(dim=1))
        rows[used].addmm_(part[used], _values(pixels[strip]))
    image = rows.div_(255).view(side, -1, 3).permute(2, 0, 1)[None]
    return resize(image, (side, side)).clamp_(0, 1)


@torch.no_grad()
def with_residual(pixels: Pixels, residual: Tensor, strength: float = 1.0) -> Pixels:
    """The image with `strength` times a residual of 3 x side x side, rounded to 8 bits."""
    weights = row_weights(residual.shape[-2], len(pixels))
    wide = resize(residual[None], (residual.shape[-2], pixels.shape[1]))[0].permute(1, 2, 0).flatten(1)
    wide = wide * (255 * strength)
    marked = np.empty_like(pixels)
    for strip in _strips(pixels):
        part = weights[strip]
        used = _used(part.any(dim=0))
        values = _values(pixels[strip]).addmm_(part[:, used], wide[used]).clamp_(0, 255).round_()
        marked[strip] = values.to(torch.uint8).numpy().reshape(marked[strip].shape)
    return marked


@functools.lru_cache(maxsize=32)
def row_weights(before: int, after: int) -> Tensor:
    """After x before: what each of so many rows is of those before."""
    found = []
    for start in range(0, before, COLUMNS):
        count = min(COLUMNS, before - start)
        units = torch.zeros(before, count)
        units[start : start + count].fill_diagonal_(1)
        found.append(resize(units[None, None], (after, count))[0, 0])
    return torch.cat(found, dim=1)


def _strips(pixels: Pixels) -> Iterator[slice]:
    yield from (slice(start, min(start + STRIP, len(pixels))) for start in range(0, len(pixels), STRIP))


def _used(rows: Tensor) -> slice:
    """From the first to the last that is not zero."""
    places = rows.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1)


def _values(pixels: Pixels) -> Tensor:
    """A row of numbers for each row of pixels."""
    return torch.from_numpy(pixels.reshape(len(pixels), -1).astype(np.float32))
