"""Whether two measurements differ: a difference with its 95 % interval, image by image or of independent samples.

Image by image, the bootstrap draws images with what both measurements say of them, so that what makes an image easy or
hard to read in both cancels out. Of independent samples, the interval comes from the two intervals of the parts, by the
method of variance estimates recovery (Zou, Donner, Statistics in Medicine 27, 2008, pages 1693-1702):

    low = d - sqrt((a - low_a)^2 + (high_b - b)^2),  high = d + sqrt((high_a - a)^2 + (b - low_b)^2),  d = a - b
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from artfp.statistics.exact import Floats, Ints
from artfp.statistics.jackknife import LEVEL, Interval

DRAWS = 2000
DRAWN_AT_ONCE = 1 << 22  # counts

S = TypeVar("S")
T = TypeVar("T")


def paired_difference(a: Sequence[float], b: Sequence[float], random: np.random.Generator) -> Interval:
    """The mean of a - b over images that both have in one order, with the percentiles of its bootstrap."""
    return bootstrapped_mean(np.asarray(a, np.float64) - np.asarray(b, np.float64), random)


def bootstrapped_mean(values: Floats | Ints, random: np.random.Generator) -> Interval:
    """The mean, and where it lies when as many values are drawn anew from these."""
    distinct, counts = np.unique(values, return_counts=True)  # few, where values are counts of bits
    block = max(1, DRAWN_AT_ONCE // len(distinct))
    sizes = [min(block, DRAWS - start) for start in range(0, DRAWS, block)]
    drawn = [random.multinomial(len(values), counts / len(values), size) @ distinct for size in sizes]
    low, high = np.quantile(np.concatenate(drawn) / len(values), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def independent_difference(a: Interval, b: Interval) -> Interval:
    """The difference a - b of samples that have nothing to do with each other."""
    difference = a.value - b.value
    low = difference - math.hypot(a.value - a.low, b.high - b.value)
    return Interval(difference, low, difference + math.hypot(a.high - a.value, b.value - b.low))


def beside(measure: Callable[[S, T], Sequence[float]]) -> Callable[[S, S, T], list[float]]:
    """What is measured of a first against a third, then of a second against it, then the differences.

    For intervals that leave parts of all three out together: what the third does to both is not in the difference.
    """

    def measured(first: S, second: S, third: T) -> list[float]:
        ones, others = measure(first, third), measure(second, third)
        return [*ones, *others, *(one - other for one, other in zip(ones, others, strict=True))]

    return measured
