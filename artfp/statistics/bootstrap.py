"""Percentile intervals of anything computed from images, by drawing as many images anew from these.

Images are drawn within their groups, as classes: how many of each there are is part of the design and not chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from artfp.statistics.exact import Ints
from artfp.statistics.jackknife import LEVEL, Interval

DRAWS = 1000


def bootstrapped(
    statistic: Callable[[Ints], Sequence[float]], groups: Ints, random: np.random.Generator, draws: int = DRAWS
) -> list[Interval]:
    """An interval for each number that `statistic` computes from images in some places; `groups` says whose each is."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    values = np.array(statistic(np.arange(len(groups))))
    drawn = np.array([statistic(_redrawn(members, random)) for _ in range(draws)])
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [Interval(*map(float, found)) for found in zip(values, low, high, strict=True)]


def _redrawn(members: Sequence[Ints], random: np.random.Generator) -> Ints:
    return np.concatenate([random.choice(group, len(group)) for group in members])
