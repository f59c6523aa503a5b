"""The Fréchet distance between two sets of feature vectors, each taken as a Gaussian.

Heusel et al., NeurIPS 2017 (arXiv 1706.08500), equation 6. Called FID only on Inception features; it is biased upwards,
the more the smaller the sets. The two sets of a distance may differ in size; two distances are comparable only where
their first sets are of one size, and their second ones too.

    rows N x d, block by block -> Moments, which add up -> distance
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """All that a Fréchet distance asks of a set, however large: add those of its parts."""

    count: int
    mean: Floats  # d
    scatter: Floats  # d x d, the sum over rows of the products of their deviations from the mean

    @classmethod
    def of(cls, rows: Floats) -> Self:
        """Those of rows N x d."""
        mean = rows.mean(axis=0)
        return cls(len(rows), mean, (rows - mean).T @ (rows - mean))

    def __add__(self, other: Moments) -> Moments:
        """Of both sets together; by differences of means, which lose no digits (Chan, Golub, LeVeque 1979)."""
        count, apart = self.count + other.count, other.mean - self.mean
        between = np.outer(apart, apart) * (self.count * other.count / count)
        return Moments(count, self.mean + apart * (other.count / count), self.scatter + other.scatter + between)

    @property
    def covariance(self) -> Floats:
        """The unbiased estimate."""
        return self.scatter / (self.count - 1)


def frechet_distance(first: Floats, second: Floats) -> float:
    """The distance of two sets N x d and M x d."""
    return frechet_between(Moments.of(first), Moments.of(second))


def frechet_between(first: Moments, second: Moments) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2)."""
    means = first.mean - second.mean
    root_first, root_second = _root(first.covariance), _root(second.covariance)
    # tr (C1 C2)^1/2 is the nuclear norm of C1^1/2 C2^1/2: no square root of an asymmetric matrix
    overlap = np.linalg.svd(root_first @ root_second, compute_uv=False).sum()
    spread = (root_first**2).sum() + (root_second**2).sum()
    return float(means @ means + spread - 2 * overlap)


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root
