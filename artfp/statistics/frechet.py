"""The Fréchet distance between two sets of feature vectors, each taken as a Gaussian.

Heusel et al., NeurIPS 2017 (arXiv 1706.08500), equation 6. Called FID only on Inception features; it is biased upwards,
the more the smaller the sets. The two sets of a distance may differ in size; two distances are comparable only where
their first sets are of one size, and their second ones too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def frechet_distance(first: Floats, second: Floats) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of two sets N x d and M x d."""
    means = first.mean(axis=0) - second.mean(axis=0)
    root_first, root_second = _root(np.cov(first, rowvar=False)), _root(np.cov(second, rowvar=False))
    # tr (C1 C2)^1/2 is the nuclear norm of C1^1/2 C2^1/2: no square root of an asymmetric matrix
    overlap = np.linalg.svd(root_first @ root_second, compute_uv=False).sum()
    spread = (root_first**2).sum() + (root_second**2).sum()
    return float(means @ means + spread - 2 * overlap)


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    root: Floats = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root
