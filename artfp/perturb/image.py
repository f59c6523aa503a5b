"""Every perturbation of images, by name: the noise layers of codec training, and later the rows of sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.perturb.base import Perturbation
from artfp.perturb.geometry import CentreCrop, Crop, Flip, Realigned, Resize, Rotate
from artfp.perturb.jpeg import Jpeg
from artfp.perturb.tone import Color, Tone, brightened, contrasted, saturated


class Blur(Perturbation):
    """Gaussian blur; the strength is sigma as a fraction of the shorter side."""

    name, mildest, hardest = "blur", 0.0, 0.024

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """A separable kernel out to three sigma, reflecting at the borders."""
        sigma = strength * min(images.shape[-2:])
        radius = min(max(1, math.ceil(3 * sigma)), min(images.shape[-2:]) - 1)
        offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
        kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
        kernel = (kernel / kernel.sum()).expand(3, 1, -1)
        padded = F.pad(images, (radius,) * 4, mode="reflect")
        return F.conv2d(F.conv2d(padded, kernel[:, :, None], groups=3), kernel[..., None], groups=3)


class Noise(Perturbation):
    """White Gaussian noise of a standard deviation."""

    name, mildest, hardest = "noise", 0.0, 0.11

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Independent in every channel of every pixel."""
        noise = random.standard_normal(images.shape, dtype=np.float32)
        return images + strength * torch.from_numpy(noise).to(images.device)


SINGLE: dict[str, Perturbation] = {
    perturbation.name: perturbation
    for perturbation in (
        Jpeg(),
        Resize(),
        Blur(),
        Noise(),
        Crop(),
        CentreCrop(),
        Rotate(),
        Realigned(),
        Flip(),
        Tone("brightness", brightened),
        Tone("contrast", contrasted),
        Tone("saturation", saturated),
        Color(),
    )
}


class Three(Perturbation):
    """Three different ones in a random order, each at a random strength up to its limit times the strength."""

    name, mildest, hardest = "three", 0.0, 1.0
    limits: Mapping[str, float] = {
        "jpeg": 55,
        "resize": 0.42,
        "blur": 0.014,
        "noise": 0.06,
        "centre-crop": 0.9,
        "rotate": 5.0,
        "color": 0.3,
    }

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same three for the whole batch."""
        for name in random.choice(list(self.limits), 3, replace=False):
            kind = SINGLE[name]
            level = strength * random.random()
            images = kind(images, kind.mildest + level * (self.limits[name] - kind.mildest), random)
        return images


PERTURBATIONS: dict[str, Perturbation] = SINGLE | {Three.name: Three()}
