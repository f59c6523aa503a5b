"""The kernel distance between two sets of feature vectors: an unbiased estimate of their squared MMD.

Bińkowski, Sutherland, Arbel, Gretton, ICLR 2018 (arXiv 1801.01401), with their cubic kernel; called KID only on
Inception features. The estimator is MMD_u^2 of Gretton et al., JMLR 13 (2012), Lemma 6: unlike a Fréchet distance it
is right on average for sets of any size, and so may fall below zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def kernel_distance(first: Floats, second: Floats) -> float:
    """Mean k of two of the first, plus that of two of the second, less twice that of one of each."""
    return _within(first) + _within(second) - 2 * float(cubic(first, second).mean())


def kernel_distance_in_order(first: Floats, second: Floats) -> float:
    """The same of two sets of one length whose rows i may belong together, as those of an image and its marked copy.

    MMD_u^2 of Gretton et al., equation 4: without the kernels of rows at one place, which of such sets are large.
    """
    return _within(first) + _within(second) - 2 * _off_diagonal(cubic(first, second))


def cubic(first: Floats, second: Floats) -> Floats:
    """k(x, y) = (x . y / d + 1)^3 of every pair, N x M."""
    kernel: Floats = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel


def _within(features: Floats) -> float:
    return _off_diagonal(cubic(features, features))


def _off_diagonal(kernel: Floats) -> float:
    """The mean over pairs of different images."""
    n = len(kernel)
    return float((kernel.sum() - kernel.trace()) / (n * (n - 1)))
