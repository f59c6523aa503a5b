"""Perturbations that blur and sharpen; borders are mirrored."""

from __future__ import annotations

import math

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.perturb.base import Perturbation

POINTS = 4  # of a motion's path for each of its pixels


class Blur(Perturbation):
    """Gaussian blur; the strength is sigma as a fraction of the shorter side."""

    name, unit, mildest, hardest = "blur", "share of the side", 0.0, 0.024

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The deviation in pixels follows from the side."""
        return blurred(images, strength * min(images.shape[-2:]))


def blurred(images: Tensor, sigma: float) -> Tensor:
    """By a Gaussian of this deviation in pixels: a separable kernel out to three sigma, reflecting at the borders."""
    radius = min(max(1, math.ceil(3 * sigma)), min(images.shape[-2:]) - 1)
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    padded = F.pad(images, (radius,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel[:, :, None], groups=3), kernel[..., None], groups=3)


class MotionBlur(Perturbation):
    """A camera that moves in a straight line, by a fraction of the shorter side, while it looks."""

    name, unit, mildest, hardest = "motion-blur", "share of the side", 0.0, 0.06

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """One direction for the whole batch."""
        kernel = motion_kernel(strength * min(images.shape[-2:]), random.uniform(0, math.pi)).to(images)
        padded = F.pad(images, (len(kernel) // 2,) * 4, mode="reflect")
        return F.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)


def motion_kernel(length: float, angle: float) -> Tensor:
    """The mean along a segment of so many pixels about the centre, each point of it interpolated linearly."""
    radius = math.ceil(length / 2)
    count = math.ceil(POINTS * length)
    along = length * ((torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5)
    pixels = torch.arange(-radius, radius + 1)
    down = (1 - (pixels[:, None] - along * math.sin(angle)).abs()).clamp(min=0)
    right = (1 - (pixels[:, None] - along * math.cos(angle)).abs()).clamp(min=0)
    return down @ right.T / count


class Sharpen(Perturbation):
    """Away from a slightly smoothed copy; 1 is the image itself, 2 adds once what smoothing takes."""

    name, unit, mildest, hardest = "sharpen", "factor", 1.0, 4.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """As Pillow's `Sharpness`, which leaves the outermost pixels alone."""
        sharper: Tensor = kornia.enhance.sharpness(images, strength)
        return sharper
