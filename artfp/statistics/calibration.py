"""Empirical rates beside the theoretical ones: counts, with exact intervals and upper bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from artfp.results import Record
from artfp.statistics.evidence import Evidence, p_values
from artfp.statistics.exact import Ints, Packed, clopper_pearson, matches_needed, upper_bound


@dataclass(frozen=True)
class Share(Record):
    """`count` of `total`, its two-sided 95 % interval and its one-sided 95 % upper bound."""

    count: int
    total: int
    low: float
    high: float
    upper: float

    @classmethod
    def of(cls, count: int, total: int) -> Self:
        """The share with its Clopper-Pearson bounds; of nothing, anything is possible."""
        return cls(count, total, *clopper_pearson(count, total), upper_bound(count, total))

    @property
    def rate(self) -> float:
        """The share as a number; NaN of nothing."""
        return self.count / self.total if self.total else float("nan")


def matching_bits(images: Packed, key: Packed, n_bits: int) -> Ints:
    """The bits on which each packed image agrees with one packed key."""
    differing: Ints = np.bitwise_count(images ^ key).sum(axis=1, dtype=np.int64)
    return n_bits - differing


def matching_share(images: Packed, key: Packed, n_bits: int, alpha: float) -> Share:
    """The share of images whose own bits match the key at `alpha`; on clean images a false-positive rate."""
    matches = matching_bits(images, key, n_bits)
    return Share.of(int((matches >= matches_needed(n_bits, alpha)).sum()), len(images))


def random_key_share(evidence: Evidence, alpha: float, n_keys: int, random: np.random.Generator) -> Share:
    """The share of uniformly random keys that pass the whole test on this set at `alpha`."""
    keys = np.packbits(random.integers(0, 2, (n_keys, evidence.n_bits), np.uint8), axis=1)
    return Share.of(int((p_values(evidence, keys).combined <= alpha).sum()), n_keys)
