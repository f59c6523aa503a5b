"""The ensemble of Fisher discriminants: linear, quick, and at home in more features than there are images.

features --standardised--> random subspaces x bootstrapped images --Fisher's discriminant each--> mean of their scores

Kodovsky, Fridrich, Holub, IEEE TIFS 7 (2012), pages 432-444. As there, the images that a bootstrap leaves out choose
the size of the subspaces. Differs: votes are summed before they are cut to 0 and 1, which gives finer scores; the
threshold of each is midway between the means of its kinds; covariances are shrunk, which tiny sets need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artfp.errors import CannotError
from artfp.seeds import numpy_generator
from artfp.statistics.exact import Floats
from artfp.statistics.ranking import auc

LEARNERS = 41
SUBSPACES = (10, 40, 160, 320)  # features of each
SHRINKAGE = 0.1  # of a subspace's covariance towards the identity, which standardised features have on average
FLAT = 1e-9  # a spread below is none

Truth = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A mean of discriminants is one discriminant: weights and offset for features as they are."""

    weights: Floats
    offset: float

    def scores(self, features: Floats) -> Floats:
        """One for each row; above zero what it takes for marked."""
        found: Floats = features @ self.weights - self.offset
        return found


def fitted(features: Floats, marked: Truth, seed: int) -> Ensemble:
    """The ensemble that tells the marked rows from the others, with subspaces of the best of `SUBSPACES`."""
    if min(marked.sum(), (~marked).sum()) < 2:
        raise CannotError("a discriminant takes two images of each kind at least")
    mean, spread = features.mean(axis=0), features.std(axis=0)
    useful = np.flatnonzero(spread > FLAT)
    if not len(useful):
        raise CannotError("all images have the same features")
    rows = (features[:, useful] - mean[useful]) / spread[useful]
    sizes = sorted({min(size, len(useful)) for size in SUBSPACES})
    grown = [_grown(rows, marked, size, seed) for size in sizes]
    best = max(grown, key=lambda each: each.held_out)
    weights = np.zeros(features.shape[1])
    weights[useful] = best.weights / spread[useful]
    return Ensemble(weights, float(best.offset + mean @ weights))


@dataclass(frozen=True, eq=False)
class _Grown:
    """An ensemble on standardised rows, and the area on those that each of its members did not see."""

    weights: Floats
    offset: float
    held_out: float


def _grown(rows: Floats, marked: Truth, size: int, seed: int) -> _Grown:
    weights, offset = np.zeros(rows.shape[1]), 0.0
    scores, votes = np.zeros(len(rows)), np.zeros(len(rows))
    for learner in range(LEARNERS):
        random = numpy_generator(seed, "fisher-ensemble", size, learner)
        chosen = random.permutation(rows.shape[1])[:size]
        drawn = _drawn(marked, random)
        line, middle = discriminant(rows[np.ix_(drawn, chosen)], marked[drawn])
        weights[chosen] += line / LEARNERS
        offset += middle / LEARNERS
        unseen = np.setdiff1d(np.arange(len(rows)), drawn)
        scores[unseen] += rows[np.ix_(unseen, chosen)] @ line - middle
        votes[unseen] += 1
    judged = votes > 0
    both = judged & marked, judged & ~marked
    held_out = auc(*(scores[kind] / votes[kind] for kind in both)) if all(kind.any() for kind in both) else 0.5
    return _Grown(weights, offset, held_out)


def _drawn(marked: Truth, random: np.random.Generator) -> NDArray[np.intp]:
    """As many rows of each kind as there are, with repetitions."""
    kinds: Sequence[NDArray[np.intp]] = (np.flatnonzero(marked), np.flatnonzero(~marked))
    return np.concatenate([kind[random.integers(0, len(kind), len(kind))] for kind in kinds])


def discriminant(rows: Floats, marked: Truth) -> tuple[Floats, float]:
    """Fisher's direction, scaled to a spread of 1 within the kinds, and the point midway between their means."""
    means = rows[marked].mean(axis=0), rows[~marked].mean(axis=0)
    centred = np.concatenate([rows[marked] - means[0], rows[~marked] - means[1]])
    covariance = (1 - SHRINKAGE) * centred.T @ centred / len(rows) + SHRINKAGE * np.eye(rows.shape[1])
    line = np.linalg.solve(covariance, means[0] - means[1])
    line /= max(float(np.sqrt(line @ covariance @ line)), FLAT)
    return line, float(line @ (means[0] + means[1]) / 2)
