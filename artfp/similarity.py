"""How alike the two images of a pair are, judged by their pixels: squared error, SSIM, MS-SSIM.

    N x H x W x 3 bytes, twice -> N numbers, one for each pair

SSIM is that of Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13 (2004), MS-SSIM that of Wang, Simoncelli, Bovik, Asilomar
2003, both of colour images: the mean over channels and places, before the scales are multiplied.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from kornia.filters import filter2d_separable, get_gaussian_kernel1d
from kornia.metrics import ssim
from numpy.typing import NDArray
from torch import Tensor

from artfp.images import to_tensor

PEAK = 255.0
WINDOW, DEVIATION = 11, 1.5  # of the Gaussian window, in pixels
STABLE = (0.01**2, 0.03**2)  # C1 and C2 of images in [0, 1]
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # the exponents, from fine to coarse
SCALES_SIDE = WINDOW * 2 ** (len(SCALES) - 1)  # 176: from here on the window fits into the coarsest scale
CENTRE = 1024  # pixels a side

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


def squared_errors(first: Pixels, second: Pixels) -> Floats:
    """The mean squared error of each pair, in squares of 8-bit values."""
    return np.square(first.astype(np.int64) - second).mean(axis=(1, 2, 3))


def decibels(errors: Floats) -> Floats:
    """Peak signal to noise of mean squared errors, none of which is 0."""
    found: Floats = 10 * np.log10(PEAK**2 / errors)
    return found


@torch.no_grad()
def similarities(first: Pixels, second: Pixels) -> Floats:
    """The SSIM of each pair."""
    return _mean(ssim(to_tensor(first), to_tensor(second), WINDOW)).numpy()


@torch.no_grad()
def similarities_over_scales(first: Pixels, second: Pixels) -> Floats:
    """The MS-SSIM of each pair; a negative term, as of an image and its negative, counts as 0."""
    one, other = to_tensor(first), to_tensor(second)
    found = torch.ones(len(one), dtype=torch.float64)
    for exponent in SCALES[:-1]:
        found *= _terms(one, other)[1].clamp(min=0) ** exponent
        one, other = F.avg_pool2d(one, 2), F.avg_pool2d(other, 2)
    found *= _terms(one, other)[0].clamp(min=0) ** SCALES[-1]
    return found.numpy()


def _terms(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and, without the comparison of brightness, its contrast and structure; where the window fits in whole."""
    window = get_gaussian_kernel1d(WINDOW, DEVIATION)
    seen = (one, other, one**2, other**2, one * other)
    m1, m2, s11, s22, s12 = (filter2d_separable(image, window, window, padding="valid") for image in seen)
    means = (m1**2, m2**2, m1 * m2)
    spread_one, spread_other, joint = s11 - means[0], s22 - means[1], s12 - means[2]
    structure = (2 * joint + STABLE[1]) / (spread_one + spread_other + STABLE[1])
    brightness = (2 * means[2] + STABLE[0]) / (means[0] + means[1] + STABLE[0])
    return _mean(brightness * structure), _mean(structure)


def _mean(of_places: Tensor) -> Tensor:
    return of_places.mean(dim=(1, 2, 3)).to(torch.float64)


def centre(pixels: Pixels, side: int = CENTRE) -> Pixels:
    """The middle of large images, which stands for the whole where a measure weighs a hundred bytes a pixel."""
    top, left = (max(0, (length - side) // 2) for length in pixels.shape[1:3])
    return pixels[:, top : top + side, left : left + side]
