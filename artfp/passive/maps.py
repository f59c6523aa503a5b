"""Maps: features of many dimensions as points of a plane, so that neighbours stay neighbours.

    features N x d --distances--> affinities P, each row of one perplexity --gradient descent--> N x 2

Exact t-SNE: van der Maaten, Hinton, JMLR 9, 2008, algorithm 1, begun with principal components in place of noise
(Kobak, Berens, Nature Communications 10, 2019). All pairs are held: for thousands of images, not more.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from artfp.errors import UsageError
from artfp.statistics.exact import Floats

STEPS = 500
EXAGGERATED = 100  # steps during which affinities count more, so that clusters form
EXAGGERATION = 12.0
HALVINGS = 50  # of the interval in which a row's precision lies
TINY = 1e-12
GAINS = 0.01, 0.2, 0.8  # the least of each coordinate; what it wins while its gradient agrees; what else it keeps


def principal_components(features: Floats, count: int = 2) -> Floats:
    """Coordinates along the directions of most variance, N x count."""
    centred = features - features.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found: Floats = left[:, :count] * sizes[:count]
    return found


def affinities(features: Floats, perplexity: float) -> Floats:
    """Symmetric P (equation 12 and section 3.1): what each point takes for its neighbour, as one distribution."""
    squared = cdist(features, features, "sqeuclidean")
    np.fill_diagonal(squared, np.inf)
    conditional = _of_entropy(squared, np.log(perplexity))
    found: Floats = (conditional + conditional.T) / (2 * len(features))
    return found


def _of_entropy(squared: Floats, entropy: float) -> Floats:
    """Gaussian weights of rows, each as narrow as gives it this entropy; by bisection of log precisions."""
    squared = squared - squared.min(axis=1, keepdims=True)  # the nearest at 0: no row vanishes
    scales = np.nanmedian(np.where(np.isfinite(squared), squared, np.nan), axis=1, keepdims=True)
    squared = squared / np.where(scales > 0, scales, 1)
    low, high = np.full((len(squared), 1), -30.0), np.full((len(squared), 1), 30.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        wide = _entropy(_weights(squared, middle)) > entropy
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    return _weights(squared, (low + high) / 2)


def _weights(squared: Floats, log_precision: Floats) -> Floats:
    weights = np.exp(-squared * np.exp(log_precision))
    found: Floats = weights / weights.sum(axis=1, keepdims=True)
    return found


def _entropy(rows: Floats) -> Floats:
    found: Floats = -(rows * np.log(rows + TINY)).sum(axis=1, keepdims=True)
    return found


def neighbour_map(features: Floats, perplexity: float = 30.0, steps: int = STEPS) -> Floats:
    """Points of a plane, N x 2, for features N x d; the same features give the same map."""
    if len(features) <= 3 * perplexity:
        raise UsageError(f"{len(features)} points are too few for a perplexity of {perplexity:g}: three times as many")
    wanted = affinities(features, perplexity)
    points = principal_components(features)
    points *= 1e-4 / points[:, 0].std()
    rate = max(len(features) / EXAGGERATION, 50.0)
    speed, gains = np.zeros_like(points), np.ones_like(points)
    for step in range(steps):
        early = step < EXAGGERATED
        gradient = _gradient(wanted * (EXAGGERATION if early else 1.0), points)
        least, won, kept = GAINS
        gains = np.where(gradient * speed < 0, gains + won, gains * kept).clip(min=least)
        speed = (0.5 if early else 0.8) * speed - rate * gains * gradient
        points = points + speed
    return points - points.mean(axis=0)


def divergence(wanted: Floats, points: Floats) -> float:
    """What the descent lowers: KL(P || Q) (equation 2)."""
    kernel = _kernel(points)
    return float((wanted * np.log((wanted + TINY) / (kernel / kernel.sum() + TINY))).sum())


def _gradient(wanted: Floats, points: Floats) -> Floats:
    """Equation 5: 4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2)."""
    kernel = _kernel(points)
    pull = (wanted - kernel / kernel.sum()) * kernel
    found: Floats = 4 * (pull.sum(axis=1, keepdims=True) * points - pull @ points)
    return found


def _kernel(points: Floats) -> Floats:
    """1 / (1 + |y_i - y_j|^2), nothing of a point with itself (equation 4)."""
    kernel: Floats = 1 / (1 + cdist(points, points, "sqeuclidean"))
    np.fill_diagonal(kernel, 0)
    return kernel
