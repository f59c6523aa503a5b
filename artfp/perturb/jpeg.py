"""JPEG as files meet it, with a gradient that knows what it destroys."""

from __future__ import annotations

import math

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.perturb.base import Perturbation
from artfp.perturb.pillow import changed, stored, straight_through


class Jpeg(Perturbation):
    """JPEG at a quality (100 to 1), by Pillow: what users meet. The gradient is that of the linear part of JPEG.

    A plain straight-through gradient would tell an encoder nothing of what JPEG destroys, and kornia's
    differentiable model costs ten times Pillow's round trip on a CPU (FACTS); see `jpeg_attenuation`.
    """

    name, unit, mildest, hardest = "jpeg", "quality", 100.0, 30.0
    exact_identity = False

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Encode and decode each image."""
        real = changed(images, lambda image: stored(image, "JPEG", round(strength)))
        return straight_through(jpeg_attenuation(images, strength), real) if images.requires_grad else real


# ITU-T T.81 annex K.1: the luminance table that libjpeg scales by quality.
LUMINANCE_TABLE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
TYPICAL_COEFFICIENT = 8.0  # of a residual at about 36 dB, in 8-bit units: what a quantiser step is compared with


def jpeg_attenuation(images: Tensor, quality: float) -> Tensor:
    """What JPEG leaves of small changes, as a linear map: coarsely quantised coefficients weaker, chroma at half size.

    A coefficient a much smaller than its step q survives by dithering alone; 1 / (1 + (q / a)^2) is the Wiener factor
    of its quantisation noise.
    """
    height, width = images.shape[-2:]
    ycbcr = kornia.color.rgb_to_ycbcr(F.pad(images, (0, -width % 16, 0, -height % 16), mode="replicate"))
    scale = (50 / quality if quality < 50 else 2 - quality / 50) or 0.02
    keep = 1 / (1 + (LUMINANCE_TABLE.to(images.device) * scale / TYPICAL_COEFFICIENT) ** 2)
    luma = _weigh_blocks(ycbcr[:, :1], keep)
    chroma = F.avg_pool2d(ycbcr[:, 1:], 2)
    chroma = F.interpolate(_weigh_blocks(chroma, keep), scale_factor=2.0)
    rgb: Tensor = kornia.color.ycbcr_to_rgb(torch.cat([luma, chroma], dim=1))
    return rgb[..., :height, :width]


def _weigh_blocks(planes: Tensor, weights: Tensor) -> Tensor:
    """8 x 8 DCT, times the weights, and back."""
    n, c, height, width = planes.shape
    blocks = planes.view(n, c, height // 8, 8, width // 8, 8).transpose(3, 4)
    basis = _dct_basis(planes)
    blocks = basis.T @ ((basis @ blocks @ basis.T) * weights) @ basis
    return blocks.transpose(3, 4).reshape(n, c, height, width)


def _dct_basis(like: Tensor) -> Tensor:
    index = torch.arange(8, device=like.device, dtype=like.dtype)
    basis = torch.cos(math.pi * (2 * index[None] + 1) * index[:, None] / 16) / 2
    basis[0] /= math.sqrt(2)
    return basis
