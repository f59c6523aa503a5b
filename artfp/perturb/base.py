"""What every perturbation of images shares: validation, range, and a strength with a known zero."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor

from artfp.errors import ArtfpError


class Perturbation(ABC):
    """A leaf is a name, its strength at no damage and at full training damage, and the arithmetic.

    Strengths are in the unit that users know (JPEG quality, noise std); damage grows from `mildest`
    to `hardest`, whichever of the two numbers is larger.
    """

    name: str
    mildest: float
    hardest: float
    exact_identity = True  # whether `mildest` leaves every pixel as it was

    def __call__(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The perturbed batch: same shape, float32, in [0, 1], differentiable or straight-through."""
        if not np.isfinite(strength):
            raise ArtfpError(f"{self.name}: strength must be a number, not {strength}")
        if self.exact_identity and strength == self.mildest:
            return images
        perturbed = self.apply(images, strength, random)
        if perturbed.shape != images.shape:
            raise ArtfpError(f"{self.name} changed {tuple(images.shape)} to {tuple(perturbed.shape)}")
        return perturbed.clamp(0, 1)

    @abstractmethod
    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The arithmetic; the caller validates and clamps."""

    def at_level(self, level: float) -> float:
        """The strength a fraction `level` of the way from mildest to hardest."""
        return self.mildest + level * (self.hardest - self.mildest)
