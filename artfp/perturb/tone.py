"""Perturbations of tone, colour and light; grey is the mean of the channels, in `Grey` alone their luma."""

from __future__ import annotations

import math
from collections.abc import Callable

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.perturb.base import Perturbation

BLACK = 1e-8  # what a power treats as black: its gradient at 0 is infinite for powers below one
LAMPS = 3  # a field of light has as many values to a side, in between it is smooth


def brightened(images: Tensor, factor: float) -> Tensor:
    """Away from black, or towards it."""
    return images * factor


def contrasted(images: Tensor, factor: float) -> Tensor:
    """Away from each image's mean, or towards it."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + factor * (images - mean)


def saturated(images: Tensor, factor: float) -> Tensor:
    """Away from grey, or towards it."""
    grey = images.mean(dim=1, keepdim=True)
    return grey + factor * (images - grey)


def darkened(images: Tensor, power: float) -> Tensor:
    """To a power: middle tones darker above one, lighter below; black and white stay."""
    return images.clamp(min=BLACK) ** power


class Tone(Perturbation):
    """One of these functions at a number, the same for all images."""

    mildest, hardest = 1.0, 1.5
    both_ways = True

    def __init__(self, name: str, scaled: Callable[[Tensor, float], Tensor], unit: str = "factor") -> None:
        self.name, self._scaled, self.unit = name, scaled, unit

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The strength is the number."""
        return self._scaled(images, strength)


class Hue(Perturbation):
    """Every hue turned on the colour wheel; saturation and value of HSV stay."""

    name, unit, mildest, hardest = "hue", "degrees", 0.0, 90.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """From red to yellow first."""
        turned: Tensor = kornia.enhance.adjust_hue(images, math.radians(strength))
        return turned


class Grey(Perturbation):
    """Towards the luma of ITU-R BT.601, which is what programs write as grey."""

    name, unit, mildest, hardest = "grey", "share", 0.0, 1.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The strength is how far."""
        return images.lerp(kornia.color.rgb_to_grayscale(images).expand_as(images), strength)


class Color(Perturbation):
    """Brightness, contrast and saturation, each scaled by up to 1 +- strength."""

    name, unit, mildest, hardest = "color", "share", 0.0, 0.5

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Three factors for the whole batch."""
        brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3).tolist()
        return saturated(contrasted(brightened(images, brightness), contrast), saturation)


class Relighting(Perturbation):
    """Light that falls unevenly: a smooth field, alike in all channels, multiplies each image.

    The strength is the standard deviation of the field's logarithm, whose mean is zero.
    """

    name, unit, mildest, hardest = "relighting", "standard deviation of the log", 0.0, 0.4

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """A field of its own for each image."""
        lamps = torch.from_numpy(random.standard_normal((len(images), 1, LAMPS, LAMPS), dtype=np.float32))
        field = F.interpolate(lamps, size=images.shape[-2:], mode="bicubic", align_corners=True)
        std, mean = torch.std_mean(field, dim=(2, 3), keepdim=True)
        return images * (strength * (field - mean) / std).exp().to(images.device)
