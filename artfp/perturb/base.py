"""What every perturbation shares: a strength with a unit, a known zero and a direction of damage.

Graded --+-- Perturbation         images in, images out (the registry is `image.py`)
         +-- WeightPerturbation   a network in, another network out (`weights.py`)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from artfp.errors import ArtfpError, CannotError
from artfp.seeds import numpy_generator


class Graded(ABC):
    """A name, a unit that users know (JPEG quality, noise std), its strength at no damage and at much.

    Damage grows from `mildest` to `hardest`, whichever of the two numbers is larger, and beyond; where it goes
    `both_ways`, it grows to the other side of `mildest` as well. Strengths of sweeps are in `grids.py`.
    """

    name: str
    unit: str
    mildest: float
    hardest: float
    both_ways = False
    exact_identity = True  # whether `mildest` leaves everything as it was

    @property
    def direction(self) -> str:
        """Where damage grows: "up", "down" or "both ways"."""
        if self.both_ways:
            return "both ways"
        return "up" if self.hardest > self.mildest else "down"

    def is_identity(self, strength: float) -> bool:
        """Whether this strength leaves everything as it was."""
        return self.exact_identity and strength == self.mildest

    def check(self, strength: float) -> None:
        """Refuse what is no number, and what lies where no damage is."""
        if not np.isfinite(strength):
            raise CannotError(f"{self.name}: strength must be a number, not {strength}")
        if not self.both_ways and (strength - self.mildest) * (self.hardest - self.mildest) < 0:
            raise CannotError(f"{self.name}: strengths go {self.direction} from {self.mildest:g}, not to {strength:g}")

    def at_level(self, level: float) -> float:
        """The strength a fraction `level` of the way from mildest to hardest."""
        return self.mildest + level * (self.hardest - self.mildest)


class Perturbation(Graded):
    """Of images; a leaf is what `Graded` asks for, and the arithmetic."""

    def __call__(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The perturbed batch: same shape, float32, in [0, 1], differentiable or straight-through."""
        self.check(strength)
        if self.is_identity(strength):
            return images
        perturbed = self.apply(images, strength, random)
        if perturbed.shape != images.shape:
            raise ArtfpError(f"{self.name} changed {tuple(images.shape)} to {tuple(perturbed.shape)}")
        return perturbed.clamp(0, 1)

    @abstractmethod
    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The arithmetic; the caller validates and clamps."""

    def each(self, images: Tensor, strength: float, seeds: Sequence[int]) -> Tensor:
        """The perturbed batch, every image with draws of its own seed: what becomes of it has no other source.

        The same seed draws the same at every strength, so that the rows of a sweep differ in strength alone.
        """
        draws = [numpy_generator("perturb", self.name, seed) for seed in seeds]
        alone = zip(images[:, None], draws, strict=True)
        return torch.cat([self(image, strength, random) for image, random in alone])
