"""Where in images sources are told apart: in which frequencies, in how little of an image, and how far apart.

    Lessons --low_band, high_band, patches, of every image alike--> Lessons --any system--> accuracy
    fingerprints of images --halves of classes--> Fréchet distances between classes over those within

The analyses of Yu, Davis, Fritz, ICCV 2019 (arXiv 1811.08180). A band and a patch are all that a system is taught and
tested with; test images go through the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from artfp.errors import UsageError
from artfp.images import to_pixels, to_tensor
from artfp.passive.attnet import Attnet
from artfp.passive.base import BATCH
from artfp.passive.classes import Examples, Lessons, Pixels
from artfp.perturb.filters import blurred
from artfp.results import Record
from artfp.seeds import numpy_generator
from artfp.statistics.exact import Floats, Ints
from artfp.statistics.frechet import frechet_distance

GREY = 0.5  # what a high band is added to, for it has no mean of its own

Change = Callable[[Examples], Examples]


def altered(lessons: Lessons, change: Change) -> Lessons:
    """Lessons of which every image went through the same change."""
    return replace(lessons, train=change(lessons.train), validation=change(lessons.validation))


def low_band(examples: Examples, factor: int) -> Examples:
    """What is left of the frequencies of images that are reduced to 1 / factor of their side; the side stays."""
    return _each(examples, lambda images: _low(images, factor))


def high_band(examples: Examples, factor: int) -> Examples:
    """What reducing the images so takes away, about grey."""
    return _each(examples, lambda images: GREY + images - _low(images, factor))


def patches(examples: Examples, side: int, seed: int) -> Examples:
    """A square of each image, at a random place."""
    size = examples.pixels.shape[1]
    if not 0 < side <= size:
        raise UsageError(f"a patch of {side} pixels does not lie in images of {size}")
    corners = numpy_generator(seed, "patches").integers(0, size - side, (len(examples), 2), endpoint=True)
    cut = [one[y : y + side, x : x + side] for one, (y, x) in zip(examples.pixels, corners, strict=True)]
    return replace(examples, pixels=np.stack(cut))


def _low(images: Tensor, factor: int) -> Tensor:
    """Their pyramid takes [1 4 6 4 1] / 16 before each halving, of variance 1; k of them have (4^k - 1) / 3."""
    if factor < 2 or factor & (factor - 1):
        raise UsageError(f"bands are parted at factors 2, 4, 8 ..., not {factor}")
    return blurred(images, math.sqrt((factor**2 - 1) / 3))


def _each(examples: Examples, change: Callable[[Tensor], Tensor]) -> Examples:
    pixels = np.empty_like(examples.pixels)
    for start in range(0, len(examples), BATCH):
        rows = slice(start, start + BATCH)
        pixels[rows] = to_pixels(change(to_tensor(examples.pixels[rows])))
    return replace(examples, pixels=pixels)


@torch.no_grad()
def fingerprints(system: Attnet, pixels: Pixels) -> Floats:
    """The last features of any number of images, N x d."""
    batches = (to_tensor(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH))
    found = [system.network.eval().features(batch.to(system.device)).cpu().numpy() for batch in batches]
    return np.concatenate(found).astype(np.float64)


@dataclass(frozen=True)
class Separation(Record):
    """Mean Fréchet distances, of halves of classes."""

    inter: float  # between two classes
    intra: float  # between the halves of one
    ratio: float  # the higher, the better are classes told apart; 1: not at all


def separation(features: Floats, labels: Ints, seed: int) -> Separation:
    """The FD ratio: all sets are random halves of the classes, cut to one size, so that all distances compare."""
    random = numpy_generator(seed, "separation")
    size = min(np.bincount(labels)[np.unique(labels)]) // 2
    if size < 2:
        raise UsageError("a class of fewer than four images has no halves to compare")
    halves = []
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        halves.append((features[rows[:size]], features[rows[size : 2 * size]]))
    intra = [frechet_distance(first, second) for first, second in halves]
    pairs = [(one, other) for place, (one, _) in enumerate(halves) for _, other in halves[place + 1 :]]
    inter = [frechet_distance(one, other) for one, other in pairs]
    means = float(np.mean(inter)), float(np.mean(intra))
    return Separation(*means, means[0] / means[1])
