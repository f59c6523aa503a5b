"""Perturbations of images: the noise layers of codec training, and later the rows of sweeps."""

from __future__ import annotations

import io
import math

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from artfp.images import resize, to_pixels, to_tensor
from artfp.perturb.base import Perturbation


class Jpeg(Perturbation):
    """JPEG at a quality (100 to 1), by Pillow: what users meet. The gradient is that of the linear part of JPEG.

    A plain straight-through gradient would tell an encoder nothing of what JPEG destroys, and kornia's
    differentiable model costs ten times Pillow's round trip on a CPU (FACTS); see `jpeg_attenuation`.
    """

    name, mildest, hardest = "jpeg", 100.0, 55.0
    exact_identity = False

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Encode and decode each image."""
        real = torch.cat([_jpeg_round_trip(pixels, round(strength)) for pixels in to_pixels(images.detach())])
        if not images.requires_grad:
            return real.to(images.device)
        linear = jpeg_attenuation(images, strength)
        return linear + (real.to(images.device) - linear).detach()


def _jpeg_round_trip(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], quality: int) -> Tensor:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return to_tensor(np.asarray(Image.open(buffer)))


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


class Resize(Perturbation):
    """Resized to a fraction of the side and back."""

    name, mildest, hardest = "resize", 1.0, 0.42

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Down, then up, both antialiased."""
        height, width = images.shape[-2:]
        small = (max(1, round(height * strength)), max(1, round(width * strength)))
        return resize(resize(images, small), (height, width))


class Blur(Perturbation):
    """Gaussian blur; the strength is sigma as a fraction of the shorter side."""

    name, mildest, hardest = "blur", 0.0, 0.014

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

    name, mildest, hardest = "noise", 0.0, 0.06

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Independent in every channel of every pixel."""
        noise = random.standard_normal(images.shape, dtype=np.float32)
        return images + strength * torch.from_numpy(noise).to(images.device)


class Crop(Perturbation):
    """A crop to a fraction of the side at a random place, resized back."""

    name, mildest, hardest = "crop", 1.0, 0.9

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """One place for the whole batch."""
        height, width = images.shape[-2:]
        h, w = max(1, round(height * strength)), max(1, round(width * strength))
        top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
        return resize(images[..., top : top + h, left : left + w], (height, width))


class Flip(Perturbation):
    """Mirrors each image with the probability given as strength."""

    name, mildest, hardest = "flip", 0.0, 1.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Left becomes right."""
        mirrored = torch.from_numpy(random.random(len(images)) < strength).to(images.device)
        return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


class Color(Perturbation):
    """Brightness, contrast and saturation, each scaled by up to 1 +- strength."""

    name, mildest, hardest = "color", 0.0, 0.3

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Three factors for the whole batch."""
        brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3).tolist()
        images = images * brightness
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = mean + contrast * (images - mean)
        grey = images.mean(dim=1, keepdim=True)
        return grey + saturation * (images - grey)


PERTURBATIONS: dict[str, Perturbation] = {
    perturbation.name: perturbation for perturbation in (Jpeg(), Resize(), Blur(), Noise(), Crop(), Flip(), Color())
}
