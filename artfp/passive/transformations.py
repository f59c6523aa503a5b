"""The 170 image transformations that DNA-Det is taught to tell apart before it sees a generator, as a table.

    JPEG 24    double JPEG 24    Gaussian blur 14    median 14    resize 80    noise 14

The numbers are those of the paper's code (Yang, Huang, Cao, Li, Li, AAAI 2022, arXiv 2202.13843). There the second
qualities of double JPEG were drawn once, and OpenCV resized, whose filters but one do not widen when they shrink; here
a rule gives the second qualities, and Pillow resizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image
from torch import Tensor

from artfp.images import round_to_8_bits
from artfp.perturb.image import SINGLE
from artfp.perturb.pillow import changed

QUALITIES = range(30, 100, 3)
SIDES = range(3, 30, 2)  # of the squares in which images are blurred or a median is taken, in pixels
SHARES = tuple(percent / 100 for percent in range(15, 95, 5))  # of the side, to which images are resized and back
VARIANCES = range(10, 50, 3)  # of noise, in steps of 255

Operation = Callable[[Tensor, float, np.random.Generator], Tensor]


@dataclass(frozen=True)
class Transformation:
    """One thing that is done to an image, or the same at two strengths one after the other."""

    kind: str
    strengths: tuple[float, ...]
    operation: Operation

    def __call__(self, images: Tensor, random: np.random.Generator) -> Tensor:
        """Images of the convention that hold 8-bit values: not by their fractions are they to be known."""
        for strength in self.strengths:
            images = self.operation(images, strength, random)
        return round_to_8_bits(images)


def second_quality(place: int) -> int:
    """Of the JPEG that is stored again: each quality once, and never that of the first time."""
    return QUALITIES[(7 * place + 5) % len(QUALITIES)]


def blurred(images: Tensor, side: float, random: np.random.Generator) -> Tensor:
    """With the deviation that OpenCV gives a Gaussian kernel of so many pixels."""
    sigma = 0.3 * ((side - 1) * 0.5 - 1) + 0.8
    return SINGLE["blur"](images, sigma / min(images.shape[-2:]), random)


def resampled(images: Tensor, share: float, _random: np.random.Generator, *, method: Image.Resampling) -> Tensor:
    """Down to a share of the side and back, in 8 bits."""

    def there_and_back(image: Image.Image) -> Image.Image:
        small = (max(1, int(share * image.width)), max(1, int(share * image.height)))
        return image.resize(small, method).resize(image.size, method)

    return changed(images, there_and_back)


METHODS = ("NEAREST", "BILINEAR", "BICUBIC", "BOX", "LANCZOS")  # of OpenCV's "area" the box is Pillow's name

TRANSFORMATIONS: tuple[Transformation, ...] = (
    *(Transformation("jpeg", (quality,), SINGLE["jpeg"]) for quality in QUALITIES),
    *(Transformation("double-jpeg", (q, second_quality(i)), SINGLE["jpeg"]) for i, q in enumerate(QUALITIES)),
    *(Transformation("blur", (side,), blurred) for side in SIDES),
    *(Transformation("median", (side,), SINGLE["median"]) for side in SIDES),
    *(
        Transformation(f"resize-{method.lower()}", (share,), partial(resampled, method=Image.Resampling[method]))
        for method in METHODS
        for share in SHARES
    ),
    *(Transformation("noise", (variance**0.5 / 255,), SINGLE["noise"]) for variance in VARIANCES),
)
