"""Files of any size to a codec's side and back, in strips of rows that stay in the processor's cache.

    pixels --shrunk--> an image at the codec's side --residual--> with_residual(pixels) --> marked pixels

A megapixel takes twelve megabytes in float32, and each pass over these as long as a network over the small image. Both
functions compute what `images.resize` does, which is linear, in rows and columns apart; so its own weights do for rows
what it does, and of these a strip needs only the few that are not zero. An image with fewer rows than the codec's is
resized as it is: widened or narrowed at the codec's height, it would be larger than itself.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artfp.images import resize, to_tensor

STRIP = 1 << 18  # numbers: one megabyte in float32

Pixels = NDArray[np.uint8]  # H x W x 3


@torch.no_grad()
def shrunk(pixels: Pixels, side: int) -> Tensor:
    """The whole image as 1 x 3 x side x side, in [0, 1]."""
    if len(pixels) <= side:
        return resize(to_tensor(pixels), (side, side)).clamp_(0, 1)
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
    rows = min(len(pixels), residual.shape[-2])
    wide = resize(residual[None], (rows, pixels.shape[1]))[0].permute(1, 2, 0).flatten(1)
    weights, wide = row_weights(rows, len(pixels)), wide * (255 * strength)
    marked = np.empty_like(pixels)
    for strip in _strips(pixels):
        part = weights[strip]
        used = _used(part.any(dim=0))
        values = _values(pixels[strip]).addmm_(part[:, used], wide[used]).clamp_(0, 255).round_()
        marked[strip] = values.to(torch.uint8).numpy().reshape(marked[strip].shape)
    return marked


@functools.lru_cache(maxsize=8)
@torch.enable_grad()
def row_weights(before: int, after: int) -> Tensor:
    """After x before: what each of so many rows is of those before; the gradient of what is linear."""
    rows = torch.zeros(1, 1, before, after, requires_grad=True)
    (weights,) = torch.autograd.grad(resize(rows, (after, after))[0, 0].diagonal().sum(), rows)
    return weights[0, 0].T.contiguous()


def _strips(pixels: Pixels) -> Iterator[slice]:
    rows = max(1, STRIP // pixels[0].size)
    yield from (slice(start, min(start + rows, len(pixels))) for start in range(0, len(pixels), rows))


def _used(rows: Tensor) -> slice:
    """From the first to the last that is not zero."""
    places = rows.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1)


def _values(pixels: Pixels) -> Tensor:
    """A row of numbers for each row of pixels."""
    return torch.from_numpy(pixels.reshape(len(pixels), -1).astype(np.float32))
