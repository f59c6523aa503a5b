"""The mean denoising residual of each class, and an image's correlation with it; nothing is trained.

    image --wavelet Wiener filter--> residual --mean over a class--> fingerprint
    residual of an image --normalised correlation with each fingerprint--> scores in [-1, 1]

Marra, Gragnaniello, Verdoliva, Poggi, MIPR 2019 (arXiv 1812.11842), sections 2 and 3; the filter is that of the camera
fingerprints they start from: Mihçak, Kozintsev, Ramchandran, ICASSP 1999, as in Lukáš, Fridrich, Goljan, IEEE TIFS 1,
2006, appendix A.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.polynomial import polynomial
from scipy.special import comb
from torch import Tensor

from artfp.checkpoints import check_shapes
from artfp.images import to_tensor
from artfp.passive.base import BATCH, LITE, PAPER, Attributor, Course, Facts
from artfp.passive.classes import Lessons, Pixels
from artfp.recipe import setting
from artfp.seeds import numpy_generator

MOMENTS = 8  # that vanish: Daubechies' filters of 16 taps
LEVELS = 4
WINDOWS = (3, 5, 7, 9)  # sides of the squares in which a local variance is estimated


@dataclass(frozen=True)
class ResidualSettings:
    """What determines the fingerprints beside the images."""

    sigma: float = setting(5.0, low=0.1, high=100)  # of the noise that the filter expects, in steps of 255
    images: int | None = setting(None, low=1)  # of a class, drawn with the seed; none: all


class Residual(Attributor[ResidualSettings]):
    """Marra's fingerprints: one mean residual for each class."""

    name = "residual"
    presets: ClassVar[Mapping[str, ResidualSettings]] = {
        LITE: ResidualSettings(),
        PAPER: ResidualSettings(images=512),  # differs: a wavelet filter in place of their denoiser
    }
    fingerprints: Tensor  # classes x 3 x size x size

    def fit(self, lessons: Lessons, course: Course) -> Facts:
        """Average the residuals of each class."""
        self.to(course.device)
        means, most = [], self.settings.images
        for label, name in enumerate(self.classes):
            pixels = lessons.train.of_class(label)
            order = numpy_generator(course.seed, "residual", name).permutation(len(pixels))[:most]
            means.append(self._mean(pixels[np.sort(order)]))
            course.tell(label + 1, len(self.classes), f"residuals of {len(order):,} images of {name}")
        self.fingerprints = torch.stack(means)
        return {}

    def _mean(self, pixels: Pixels) -> Tensor:
        total = torch.zeros(3, self.size, self.size, dtype=torch.float64, device=self.device)
        for start in range(0, len(pixels), BATCH):
            images = to_tensor(pixels[start : start + BATCH]).to(self.device)
            total += residual(images, self.settings.sigma).sum(dim=0, dtype=torch.float64)
        return (total / len(pixels)).float()

    def scores(self, images: Tensor) -> Tensor:
        """The correlation of each residual with each fingerprint."""
        return correlation(residual(images, self.settings.sigma), self.fingerprints)

    def state(self) -> dict[str, Tensor]:
        """The fingerprints."""
        return {"fingerprints": self.fingerprints}

    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """One for each class, of the images' size."""
        check_shapes({"fingerprints": (len(self.classes), 3, self.size, self.size)}, state, path)
        self.fingerprints = state["fingerprints"].to(self.device)

    def to(self, device: str) -> None:
        """Move the fingerprints, once there are any."""
        self.device = device
        if "fingerprints" in self.__dict__:
            self.fingerprints = self.fingerprints.to(device)


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """The normalised correlation of each of the first with each of the second, N x M; 0 where one is constant."""
    rows = [each.flatten(1) - each.flatten(1).mean(dim=1, keepdim=True) for each in (first, second)]
    return F.normalize(rows[0], eps=1e-9) @ F.normalize(rows[1], eps=1e-9).T


def residual(images: Tensor, sigma: float) -> Tensor:
    """What the filter takes away from images: of each wavelet coefficient the share that it holds for noise."""
    coefficients = images.clone()
    sides = _sides(images.shape[-1])
    for side in sides:
        analysis = wavelets(side).to(images)
        coefficients[..., :side, :side] = analysis @ coefficients[..., :side, :side] @ analysis.T
    noise = torch.zeros_like(coefficients)  # nothing in the coarsest scale is noise
    for half in (side // 2 for side in sides):
        for rows, columns in ((0, half), (half, 0), (half, half)):
            band = (..., slice(rows, rows + half), slice(columns, columns + half))
            noise[band] = coefficients[band] * noise_share(coefficients[band], sigma / 255)
    for side in reversed(sides):
        analysis = wavelets(side).to(images)
        noise[..., :side, :side] = analysis.T @ noise[..., :side, :side] @ analysis
    return noise


def noise_share(band: Tensor, sigma: float) -> Tensor:
    """s^2 / (v + s^2), where v is the least of the local variances beyond the noise's own (Lukáš et al., A.2)."""
    power = band.square()
    means = [F.avg_pool2d(power, side, 1, side // 2, count_include_pad=False) for side in WINDOWS]
    variance = (torch.stack(means).amin(dim=0) - sigma**2).clamp(min=0)
    return sigma**2 / (variance + sigma**2)


def _sides(size: int) -> list[int]:
    """At which the transform is taken: that of the images, and its halves, as long as they are even."""
    halves = [size >> level for level in range(LEVELS)]
    return [side for level, side in enumerate(halves) if side << level == size and side % 2 == 0 and side >= 4]


@lru_cache
def wavelets(side: int) -> Tensor:
    """One level of the periodic wavelet transform of a signal, an orthonormal matrix: averages above differences."""
    low = daubechies(MOMENTS)
    high = low[::-1] * (-1.0) ** np.arange(len(low))
    matrix = np.zeros((side, side))
    for row in range(side // 2):
        places = (2 * row + np.arange(len(low))) % side
        np.add.at(matrix[row], places, low)
        np.add.at(matrix[side // 2 + row], places, high)
    return torch.from_numpy(matrix)


def daubechies(moments: int) -> np.ndarray:
    """The low-pass filter of extremal phase with so many vanishing moments (Ten Lectures on Wavelets, section 6.1).

    H(z) = ((1 + z) / 2)^p Q(z) with |Q|^2 = sum_k C(p - 1 + k, k) y^k, y = (2 - z - 1/z) / 4: the roots of Q are those
    of |Q|^2 outside the unit circle.
    """
    roots = polynomial.polyroots([comb(moments - 1 + k, k) for k in range(moments)])
    chosen = []
    for y in roots:
        pair = polynomial.polyroots([1, 4 * y - 2, 1])  # z^2 + (4 y - 2) z + 1 = 0
        chosen.append(pair[np.argmax(np.abs(pair))])
    taps = np.real(polynomial.polymul(polynomial.polypow([1, 1], moments), polynomial.polyfromroots(chosen)))
    low: np.ndarray = taps * np.sqrt(2) / taps.sum()
    return low
