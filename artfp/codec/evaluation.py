"""A codec measured on images: fidelity of the marked ones, and bits read after each of a table of attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artfp.codec.base import Codec
from artfp.codec.fidelity import Fidelity, measure
from artfp.images import round_to_8_bits, to_pixels, to_tensor
from artfp.perceptual import Perceptual
from artfp.perturb.image import PERTURBATIONS
from artfp.results import Record
from artfp.seeds import numpy_generator
from artfp.similarity import centre

# label, perturbation, strength in its own unit
ROWS: tuple[tuple[str, str | None, float], ...] = (
    ("unperturbed", None, 0.0),
    ("mirrored", "flip", 1.0),
    ("JPEG 80", "jpeg", 80),
    ("JPEG 50", "jpeg", 50),
    ("JPEG 30", "jpeg", 30),
    ("noise std .05", "noise", 0.05),
    ("noise std .11", "noise", 0.11),
    ("blur 1.2 % of side", "blur", 0.012),
    ("blur 2.4 % of side", "blur", 0.024),
    ("half size and back", "resize", 0.5),
    ("quarter size and back", "resize", 0.25),
    ("centre crop to 78 %", "centre-crop", 0.78),
    ("rotated 5 degrees", "rotate", 5.0),
    ("brightness x .5", "brightness", 0.5),
    ("brightness x 1.5", "brightness", 1.5),
    ("contrast x .5", "contrast", 0.5),
    ("contrast x 1.5", "contrast", 1.5),
    ("saturation x .5", "saturation", 0.5),
    ("saturation x 1.5", "saturation", 1.5),
    ("three at random", "three", 1.0),
)


@dataclass(frozen=True)
class Row(Record):
    """Bits read after one attack, as integers."""

    label: str
    matching: int
    bits: int

    @property
    def accuracy(self) -> float:
        """The share of bits read right."""
        return self.matching / self.bits


@dataclass(frozen=True)
class Images:
    """What a codec is measured on, in batches of one size each."""

    batches: Iterable[NDArray[np.uint8]]
    count: int
    view: str
    size: int | None


@dataclass(frozen=True)
class Evaluation(Record):
    """What `codec evaluate` measured."""

    codec: str
    sha256: str
    images: int
    view: str  # how the images were taken: "resized", "cropped" or "full"
    size: int | None  # of the squares; None: every image at its own size
    psnr: float
    ssim: float
    lpips: float | None  # None where SqueezeNet's weights are not at hand
    rows: tuple[Row, ...]
    clean_bias: float  # the bit farthest from .5: |share of clean images that read 1 - .5|


@dataclass(frozen=True)
class CleanReading(Record):
    """What `codec bias` counted: how often each bit reads 1 where nothing is marked."""

    codec: str
    sha256: str
    images: int
    view: str
    size: int | None
    ones: tuple[int, ...]  # of each bit, images that read 1

    @property
    def farthest(self) -> float:
        """Of the bit farthest from one half, its distance."""
        return max(abs(count / self.images - 0.5) for count in self.ones)

    @property
    def by_chance(self) -> float:
        """The standard deviation of a fair bit's distance over so many images."""
        return float(0.5 / self.images**0.5)


def read_clean(codec: Codec, images: Images, on_progress: Callable[[int, int, str], None]) -> CleanReading:
    """Count what the codec reads from images as they are."""
    ones, done = np.zeros(codec.n_bits, np.int64), 0
    for clean in images.batches:
        ones += (codec.soft_bits(to_tensor(clean)) > 0).sum(0).cpu().numpy()
        done += len(clean)
        on_progress(done, images.count, "")
    return CleanReading(codec.name, codec.sha256, images.count, images.view, images.size, tuple(map(int, ones)))


def evaluate(
    codec: Codec,
    images: Images,
    seed: int,
    on_progress: Callable[[int, int, str], None],
    perceptual: Perceptual | None = None,
) -> Evaluation:
    """Mark every image with its own random fingerprint, attack, decode, count. The images of a batch share a size."""
    matching = dict.fromkeys((label for label, _, _ in ROWS), 0)
    ones = np.zeros(codec.n_bits)
    fidelity, lpips_sum, total = Fidelity(), 0.0, images.count
    for clean in images.batches:
        start = fidelity.images
        batch = to_tensor(clean)
        random = numpy_generator(seed, "evaluate", start)
        bits = torch.from_numpy(random.integers(0, 2, (len(batch), codec.n_bits)))
        marked = codec.embed(batch, bits)
        pixels = to_pixels(marked)
        fidelity += measure(codec, clean, pixels, bits.numpy().astype(np.uint8))
        if perceptual is not None:
            pair = to_tensor(centre(clean)), to_tensor(centre(pixels))
            lpips_sum += float(perceptual.distances(*pair).to(torch.float64).sum())
        ones += (codec.soft_bits(batch) > 0).sum(0).cpu().numpy()
        for label, name, strength in ROWS:
            attacked = _attacked(marked, name, strength, numpy_generator(seed, "evaluate", start, label))
            matching[label] += int(((codec.soft_bits(attacked).cpu() > 0) == (bits > 0)).sum())
        on_progress(fidelity.images, total, "")
    rows = tuple(Row(label, count, total * codec.n_bits) for label, count in matching.items())
    bias = float(np.abs(ones / total - 0.5).max())
    lpips = None if perceptual is None else lpips_sum / total
    found = (images.view, images.size, fidelity.psnr, fidelity.ssim, lpips, rows, bias)
    return Evaluation(codec.name, codec.sha256, total, *found)


def _attacked(images: Tensor, name: str | None, strength: float, random: np.random.Generator) -> Tensor:
    """The attacked images as an 8-bit file would hold them; every image with draws of its own."""
    if name is None:
        return images
    perturbation = PERTURBATIONS[name]
    return round_to_8_bits(torch.cat([perturbation(image, strength, random) for image in images[:, None]]))
