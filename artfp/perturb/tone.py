"""Perturbations of tone and colour; grey is the mean of the channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from artfp.perturb.base import Perturbation


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


class Tone(Perturbation):
    """One of the tones times a factor, the same for all images."""

    mildest, hardest = 1.0, 1.5

    def __init__(self, name: str, scaled: Callable[[Tensor, float], Tensor]) -> None:
        self.name, self._scaled = name, scaled

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The strength is the factor."""
        return self._scaled(images, strength)


class Color(Perturbation):
    """Brightness, contrast and saturation, each scaled by up to 1 +- strength."""

    name, mildest, hardest = "color", 0.0, 0.5

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Three factors for the whole batch."""
        brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3).tolist()
        return saturated(contrasted(brightened(images, brightness), contrast), saturation)
