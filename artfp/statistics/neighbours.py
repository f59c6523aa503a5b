"""Precision and recall of generated images: which share of either set lies where the other one is.

Kynkäänniemi, Karras, Laine, Lehtinen, Aila, NeurIPS 2019 (arXiv 1904.06991), equations 1 to 3. A set is taken to fill
the balls about its feature vectors, each as large as the distance to the k-th nearest other one of the set. Precision
is the share of generated vectors in the balls of real ones, recall that of real ones in the balls of generated ones.
Both depend on how many vectors there are: two values are comparable only where the sets have the same sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artfp.statistics.exact import Ints

Floats = NDArray[np.float64]

NEAREST = 3  # k, as in the paper


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Squared distances among and between two sets, so that parts of them cost little."""

    among_generated: Floats
    among_real: Floats
    between: Floats  # generated x real

    @classmethod
    def of(cls, generated: Floats, real: Floats) -> Self:
        """Those of two sets N x d and M x d."""
        pairs = ((generated, generated), (real, real), (generated, real))
        return cls(*(_squared_distances(*pair) for pair in pairs))

    def at(self, places: Ints) -> Self:
        """Those of the vectors at some places, in both sets."""
        chosen = np.ix_(places, places)
        return type(self)(self.among_generated[chosen], self.among_real[chosen], self.between[chosen])

    def precision_and_recall(self) -> tuple[float, float]:
        """Of both sets, each of more than k vectors."""
        inside_real = (self.between <= _reach(self.among_real)).any(axis=1)
        inside_generated = (self.between <= _reach(self.among_generated)[:, None]).any(axis=0)
        return float(inside_real.mean()), float(inside_generated.mean())


def _reach(among: Floats) -> Floats:
    """The squared distance of each to its k-th nearest other one; to itself it is 0, the least of all."""
    reach: Floats = np.partition(among, NEAREST, axis=1)[:, NEAREST]
    return reach


def _squared_distances(first: Floats, second: Floats) -> Floats:
    lengths = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
    found: Floats = lengths - 2 * first @ second.T
    return found.clip(min=0, out=found)
