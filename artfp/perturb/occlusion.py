"""Perturbations that cover a part of the image.

draws --Pillow--> cover, 0 to 1 --+
draws --> colour -----------------+--> image * (1 - cover) + colour * cover
"""

from __future__ import annotations

import string
from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from artfp.images import to_tensor
from artfp.perturb.base import Perturbation

LETTERS = 6  # of a line of text
FINER = 4  # shapes are drawn so many times as large and averaged: Pillow's have hard edges


class CutOut(Perturbation):
    """A rectangle of the image's proportions, at a random place, turns grey."""

    name, unit, mildest, hardest = "cut-out", "share of the side", 0.0, 0.5

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """One place for the whole batch."""
        (height, width), covered = images.shape[-2:], torch.zeros(images.shape[-2:], dtype=torch.bool)
        h, w = round(height * strength), round(width * strength)
        top, left = int((height - h + 1) * random.random()), int((width - w + 1) * random.random())
        covered[top : top + h, left : left + w] = True
        return images.masked_fill(covered.to(images.device), 0.5)


class Overlay(Perturbation):
    """Something drawn over each image, opaque, in one colour."""

    mildest = 0.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """A drawing of its own for each image."""
        return torch.cat([self._covered(image, strength, random) for image in images[:, None]])

    def _covered(self, image: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        height, width = image.shape[-2:]
        colour = torch.from_numpy(self.colour(random)).to(image)[:, None, None]
        drawing = self.draw((width, height), strength * min(height, width), random)
        cover = to_tensor(np.asarray(drawing.convert("RGB"))).to(image.device)
        return image.lerp(colour.expand_as(image), cover)

    @abstractmethod
    def colour(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Red, green and blue."""

    @abstractmethod
    def draw(self, size: tuple[int, int], side: float, random: np.random.Generator) -> Image.Image:
        """White on black, of this width and height; the strength as `side`, in pixels."""


class Text(Overlay):
    """A line of text in white or black, in the font that comes with Pillow."""

    name, unit, hardest = "text", "letter size over the side", 0.3

    def colour(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Black or white."""
        return np.full(3, float(random.integers(2)))

    def draw(self, size: tuple[int, int], side: float, random: np.random.Generator) -> Image.Image:
        """Capitals at a random place; what is too long ends at the right border."""
        words = "".join(random.choice(list(string.ascii_uppercase), LETTERS))
        image, font = Image.new("L", size), ImageFont.load_default(max(1.0, side))
        _, _, width, height = font.getbbox(words, anchor="lt")
        x, y = _corner(size, (width, height), random)
        ImageDraw.Draw(image).text((x, y), words, fill=255, font=font, anchor="lt")
        return image


class Logo(Overlay):
    """A disc or a polygon with a hole of another shape, in a random colour."""

    name, unit, hardest = "logo", "share of the side", 0.5

    def colour(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Any."""
        return random.random(3)

    def draw(self, size: tuple[int, int], side: float, random: np.random.Generator) -> Image.Image:
        """At a random place, all of it visible."""
        image = Image.new("L", (size[0] * FINER, size[1] * FINER))
        draw, radius = ImageDraw.Draw(image), side * FINER / 2
        left, top = _corner(image.size, (2 * radius, 2 * radius), random)
        for inner, fill in ((1.0, 255), (random.uniform(0.3, 0.6), 0)):
            corners, turn = int(random.choice((3, 4, 5, 6, 60))), random.uniform(0, 360)  # sixty are a disc
            draw.regular_polygon((left + radius, top + radius, inner * radius), corners, turn, fill=fill)
        return image.reduce(FINER)


def _corner(size: tuple[int, int], box: tuple[float, float], random: np.random.Generator) -> tuple[float, float]:
    """Where a box begins that lies within, or at the left or the top where it is too large."""
    x, y = (max(0.0, whole - part) * random.random() for whole, part in zip(size, box, strict=True))
    return x, y
