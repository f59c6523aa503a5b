"""Intervals of anything computed from images: the delete-a-group jackknife.

The images fall into G groups of equal size, and the statistic t is computed G times, without one group each, which
gives t_1 ... t_G. Then (G - 1) / G sum (t_g - mean t)^2 estimates its variance (Kott, Journal of Official Statistics
17, 2001, pages 521-526), on average rather too large than too small (Efron, Stein, Annals of Statistics 9, 1981, pages
586-596). As the square of a deviation of G nearly normal numbers it has G - 1 degrees of freedom, hence Student's t. Of
the bias that t has at this number of images, as a Fréchet distance has one, the interval says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from artfp.errors import ArtfpError
from artfp.results import Record

Floats = NDArray[np.float64]

GROUPS = 10
LEVEL = 0.95


@dataclass(frozen=True)
class Interval(Record):
    """A number and where its true value lies at 95 %."""

    value: float
    low: float
    high: float


def intervals(
    statistic: Callable[..., Sequence[float]], sets: Sequence[Floats], groups: int = GROUPS, level: float = LEVEL
) -> list[Interval]:
    """An interval for each number that `statistic` computes from `sets`, which are all N x d and grouped alike.

    Row i of every set is in group i mod G: rows must come in random order, and rows that belong together, in one place.
    """
    lengths = {len(rows) for rows in sets}
    if len(lengths) != 1 or (n := lengths.pop()) % groups or n < 2 * groups:
        raise ArtfpError(f"a jackknife takes sets of one length, a multiple of {groups} and at least {2 * groups}")
    group = np.arange(n) % groups
    whole = statistic(*sets)
    return leaving_out(
        whole, [statistic(*(rows[group != left_out] for rows in sets)) for left_out in range(groups)], level
    )


def leaving_out(whole: Sequence[float], parts: Sequence[Sequence[float]], level: float = LEVEL) -> list[Interval]:
    """An interval for each number that was computed from all images, and G times without one group each."""
    values, without, groups = np.array(whole), np.array(parts), len(parts)
    deviation = np.sqrt((groups - 1) * without.var(axis=0))
    reach = stdtrit(groups - 1, (1 + level) / 2) * deviation
    return [Interval(*map(float, found)) for found in zip(values, values - reach, values + reach, strict=True)]
