"""Perturbations of tone and colour; grey is the mean of the channels."""

from __future__ import annotations

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


class Brightness(Perturbation):
    """Brightness times a factor."""

    name, mildest, hardest = "brightness", 1.0, 1.5

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same factor for all."""
        return brightened(images, strength)


class Contrast(Perturbation):
    """Contrast times a factor."""

    name, mildest, hardest = "contrast", 1.0, 1.5

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same factor for all."""
        return contrasted(images, strength)


class Saturation(Perturbation):
    """Saturation times a factor."""

    name, mildest, hardest = "saturation", 1.0, 1.5

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same factor for all."""
        return saturated(images, strength)


class Color(Perturbation):
    """Brightness, contrast and saturation, each scaled by up to 1 +- strength."""

    name, mildest, hardest = "color", 0.0, 0.3

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Three factors for the whole batch."""
        brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3).tolist()
        return saturated(contrasted(brightened(images, brightness), contrast), saturation)
