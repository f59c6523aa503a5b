"""What people do to images with files and programs, done by Pillow: 8-bit pixels in, 8-bit pixels out.

images --round--> pixels --Pillow--> pixels --> images      and the gradient passes as if nothing had happened
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from artfp.images import to_pixels, to_tensor
from artfp.perturb.base import Perturbation

Change = Callable[[Image.Image], Image.Image]


def changed(images: Tensor, change: Change) -> Tensor:
    """Every image as Pillow changes it, without a gradient."""
    pixels = [np.asarray(change(Image.fromarray(one))) for one in to_pixels(images.detach())]
    return torch.cat([to_tensor(one) for one in pixels]).to(images.device)


def straight_through(like: Tensor, values: Tensor) -> Tensor:
    """These values, with the gradient of `like`."""
    return like + (values - like).detach() if like.requires_grad else values


def stored(image: Image.Image, kind: str, quality: int) -> Image.Image:
    """Written as a file of this kind, and read again."""
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return Image.open(buffer)


class WebP(Perturbation):
    """Stored as lossy WebP at a quality."""

    name, unit, mildest, hardest = "webp", "quality", 100.0, 20.0
    exact_identity = False

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Encode and decode each image."""
        return straight_through(images, changed(images, lambda image: stored(image, "WEBP", round(strength))))


class Median(Perturbation):
    """Every pixel becomes the median, channel by channel, of a square of an odd number of pixels around it."""

    name, unit, mildest, hardest = "median", "pixels", 1.0, 7.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Borders are repeated outwards."""
        side = 2 * round((strength - 1) / 2) + 1
        return straight_through(images, changed(images, lambda image: image.filter(ImageFilter.MedianFilter(side))))


class Posterise(Perturbation):
    """Only the first bits of each channel of each pixel are kept."""

    name, unit, mildest, hardest = "posterise", "bits", 8.0, 2.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The others become zero, so that images darken, as everywhere."""
        return straight_through(images, changed(images, lambda image: ImageOps.posterize(image, round(strength))))
