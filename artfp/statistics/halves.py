"""Intervals of what a few images decide, as shares within balls about neighbours: from random halves of the images.

The delete-d jackknife (Shao, Wu, Annals of Statistics 17, 1989, pages 1176-1197) with d = n / 2: the variance of a
statistic of n images is that of the same statistic of random halves, each drawn without replacement, about their mean.
It holds for quantiles, where leaving out little fails; and no image is drawn twice, which would be its own neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtri

from artfp.statistics.exact import Ints
from artfp.statistics.jackknife import LEVEL, Interval

HALVES = 50


def from_halves(
    statistic: Callable[[Ints], Sequence[float]], count: int, random: np.random.Generator, halves: int = HALVES
) -> list[Interval]:
    """An interval for each number that `statistic` computes from the images at some of `count` places."""
    drawn = [statistic(random.permutation(count)[: count // 2]) for _ in range(halves)]
    values, reach = statistic(np.arange(count)), ndtri((1 + LEVEL) / 2) * np.std(drawn, axis=0)
    return [
        Interval(value, float(value - width), float(value + width)) for value, width in zip(values, reach, strict=True)
    ]
