"""Perturbations made of others, one after another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from artfp.images import resize, round_to_8_bits
from artfp.perturb.base import Perturbation


class Several(Perturbation):
    """A number of different ones in a random order, each at a random strength up to its limit times the strength."""

    unit, mildest, hardest = "share of the limits", 0.0, 1.0
    limits: Mapping[str, float] = {
        "jpeg": 55,
        "resize": 0.42,
        "blur": 0.014,
        "noise": 0.06,
        "centre-crop": 0.9,
        "rotate": 5.0,
        "color": 0.3,
    }

    def __init__(self, name: str, count: int, kinds: Mapping[str, Perturbation]) -> None:
        self.name, self._count, self._kinds = name, count, kinds

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same ones for the whole batch."""
        for name in random.choice(list(self.limits), self._count, replace=False):
            kind = self._kinds[name]
            level = strength * random.random()
            images = kind(images, kind.mildest + level * (self.limits[name] - kind.mildest), random)
        return images


class Screenshot(Perturbation):
    """Shown at another size, captured a little tighter, stored as JPEG and brought back to size: so many times.

    image -> cut, resized -> 8 bits -> JPEG -> resized -> 8 bits -> ...
    """

    name, unit, mildest, hardest = "screenshot", "rounds", 0.0, 3.0
    SHOWN = (0.7, 1.4)  # times its size
    CUT = 0.02  # of the side, at most, at each border
    QUALITY = (70, 90)

    def __init__(self, jpeg: Perturbation) -> None:
        self._jpeg = jpeg

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same sizes, cuts and qualities for the whole batch; more rounds begin as fewer do."""
        for _ in range(round(strength)):
            images = self._round(images, random)
        return images

    def _round(self, images: Tensor, random: np.random.Generator) -> Tensor:
        height, width = images.shape[-2:]
        scale, quality = random.uniform(*self.SHOWN), random.integers(*self.QUALITY, endpoint=True)
        top, bottom, left, right = (round(self.CUT * random.random() * side) for side in (height, height, width, width))
        captured = images[..., top : height - bottom, left : width - right]
        shown = round_to_8_bits(resize(captured, (round(height * scale), round(width * scale))).clamp(0, 1))
        return round_to_8_bits(resize(self._jpeg(shown, float(quality), random), (height, width)))
