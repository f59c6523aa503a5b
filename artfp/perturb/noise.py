"""Perturbations that add noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from artfp.perturb.base import Perturbation


class Noise(Perturbation):
    """White Gaussian noise of a standard deviation."""

    name, unit, mildest, hardest = "noise", "standard deviation", 0.0, 0.11

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Independent in every channel of every pixel."""
        noise = random.standard_normal(images.shape, dtype=np.float32)
        return images + strength * torch.from_numpy(noise).to(images.device)


class SaltAndPepper(Perturbation):
    """A share of the pixels turns white or black, as many one as the other."""

    name, unit, mildest, hardest = "salt-and-pepper", "share of the pixels", 0.0, 0.1

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """A pixel that is lost is lost in all channels, and to any greater strength."""
        n, _, height, width = images.shape
        chance = torch.from_numpy(random.random((n, 1, height, width), dtype=np.float32)).to(images.device)
        return images.masked_fill(chance < strength / 2, 0).masked_fill(chance > 1 - strength / 2, 1)
