"""Whether two measurements differ: a difference with its 95 % interval, image by image or of independent samples.

Image by image, the bootstrap draws images with what both measurements say of them, so that what makes an image easy or
hard to read in both cancels out. Of independent samples, the interval comes from the two intervals of the parts, by the
method of variance estimates recovery (Zou, Donner, Statistics in Medicine 27, 2008, pages 1693-1702):

    low = d - sqrt((a - low_a)^2 + (high_b - b)^2),  high = d + sqrt((high_a - a)^2 + (b - low_b)^2),  d = a - b
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from artfp.statistics.jackknife import LEVEL, Interval

DRAWS = 2000
BLOCK = 1 << 20  # numbers drawn at a time

Floats = NDArray[np.float64]


def paired_difference(a: Sequence[float], b: Sequence[float], random: np.random.Generator) -> Interval:
    """The mean of a - b over images that both have in one order, with the percentiles of its bootstrap."""
    differences = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    low, high = np.quantile(_resampled_means(differences, random), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(differences.mean()), float(low), float(high))


def _resampled_means(values: Floats, random: np.random.Generator) -> Floats:
    """The means of as many values, drawn again and again with replacement; a block of draws at a time."""
    at_a_time = max(1, BLOCK // len(values))
    blocks = [min(at_a_time, DRAWS - done) for done in range(0, DRAWS, at_a_time)]
    shapes = [(draws, len(values)) for draws in blocks]
    return np.concatenate([values[random.integers(len(values), size=shape)].mean(axis=1) for shape in shapes])


def independent_difference(a: Interval, b: Interval) -> Interval:
    """A - b of samples that have nothing to do with each other."""
    difference = a.value - b.value
    low = difference - math.hypot(a.value - a.low, b.high - b.value)
    return Interval(difference, low, difference + math.hypot(a.high - a.value, b.value - b.low))
