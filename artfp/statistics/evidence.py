"""What the images of one set say to one codec, gathered batch by batch, and the tests of keys against it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from artfp.errors import ArtfpError
from artfp.statistics.exact import (
    Comparison,
    Floats,
    Ints,
    Packed,
    SignedSum,
    binomial_tails,
    compare,
    quantise,
    scores,
)


@dataclass(eq=False)
class Evidence:
    """The sum of soft bits and the hard bits of every image; a few bytes for each image."""

    n_bits: int
    n_images: int = 0
    soft_sum: Floats = field(init=False, repr=False)
    _batches: list[Packed] = field(init=False, repr=False, default_factory=list)
    _compared: tuple[Packed, Comparison] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.soft_sum = np.zeros(self.n_bits)

    def add(self, soft: NDArray[np.floating]) -> None:
        """Add a batch of soft bits, one row for each image, in [-1, 1]."""
        if soft.ndim != 2 or soft.shape[1] != self.n_bits:
            raise ArtfpError(f"soft bits must be N x {self.n_bits}, not {soft.shape}")
        if not (np.abs(soft) <= 1).all():
            raise ArtfpError("soft bits must lie in [-1, 1] and hold no NaN")
        self.soft_sum += soft.sum(axis=0, dtype=np.float64)
        self._batches.append(np.packbits(soft > 0, axis=1))
        self.n_images += len(soft)
        self._compared = None

    @property
    def hard(self) -> Packed:
        """The packed hard bits of every image, in the order they came."""
        if len(self._batches) != 1:
            width = -(-self.n_bits // 8)
            self._batches = [np.concatenate([np.empty((0, width), np.uint8), *self._batches])]
        return self._batches[0]

    @property
    def weights(self) -> Ints:
        """The mean soft bits as integers: both the statistic and its distribution come from these."""
        return quantise(self.soft_sum / max(self.n_images, 1))

    @property
    def vote(self) -> Packed:
        """The packed sign of every mean soft bit: for one image its hard bits."""
        return np.packbits(self.soft_sum > 0)

    def against(self, packed_keys: Packed) -> Comparison:
        """Every image against every key; remembered, because a verdict and its table of images both ask."""
        if self._compared is None or self._compared[0] is not packed_keys:
            self._compared = (packed_keys, compare(self.hard, packed_keys, self.n_bits))
        return self._compared[1]


@dataclass(frozen=True, eq=False)
class PValues:
    """The tests of K keys on one set of images, and the least p that any key could reach."""

    score: Ints  # (K,) T on the mean soft bits
    matches: NDArray[np.intp]  # (K,) most matching bits with any one image
    mean: Floats | None  # (K,) p of T; None for a single image
    single: Floats  # (K,) p of the best single image, before its factor N
    combined: Floats  # (K,) p of the whole test; may exceed 1
    floor: float


def p_values(evidence: Evidence, packed_keys: Packed) -> PValues:
    """Test every key: the binomial tail for one image, for more both tests."""
    if evidence.n_images > 1:
        return both_p_values(evidence, packed_keys)
    score, matches, single = _singly(evidence, packed_keys)
    return PValues(score, matches, None, single, single, 2.0**-evidence.n_bits)


def both_p_values(evidence: Evidence, packed_keys: Packed) -> PValues:
    """Test every key, whatever the number of images, by the lesser of two tests, each at half of alpha.

    The two are T on the mean soft bits and, for sets in which few images are marked, the best single image times N.
    """
    found = mean_p_values(evidence, packed_keys)
    combined = 2 * np.minimum(found.combined, evidence.n_images * found.single)
    return replace(found, combined=combined, floor=2 * min(found.floor, evidence.n_images * 2.0**-evidence.n_bits))


def mean_p_values(evidence: Evidence, packed_keys: Packed) -> PValues:
    """Test every key by T on the mean soft bits alone: whatever one image says, it is one of so many."""
    score, matches, single = _singly(evidence, packed_keys)
    distribution = SignedSum(evidence.weights)
    mean = distribution.tail(score)
    return PValues(score, matches, mean, single, mean, distribution.floor)


def _singly(evidence: Evidence, packed_keys: Packed) -> tuple[Ints, NDArray[np.intp], Floats]:
    """T, the most matching bits with any one image, and p of these."""
    matches = evidence.against(packed_keys).most
    return scores(evidence.weights, packed_keys), matches, binomial_tails(evidence.n_bits)[matches]
