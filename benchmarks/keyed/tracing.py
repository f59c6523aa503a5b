"""Whom images name among many keys, and how often that is who they came from.

A folder names everyone whom `artfp trace` would name. One image names the nearest key, by the binomial tail of its hard
bits alone, which a million keys for each of thousands of images leave time for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artfp.keys.fingerprint import Bits, unpack
from artfp.statistics.calibration import matching_bits
from artfp.statistics.decision import ACCEPTED
from artfp.statistics.evidence import Evidence
from artfp.statistics.exact import Packed, matches_needed
from artfp.statistics.tracing import suspects

Rows = NDArray[np.intp]  # of keys
NOBODY = -1


@dataclass(frozen=True, eq=False)
class Candidates:
    """The keys that images are traced among, the recipients' first."""

    packed: Packed
    issued: int
    n_bits: int

    @property
    def bits(self) -> Bits:
        """The recipients'."""
        return unpack(self.packed[: self.issued], self.n_bits)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many keys are tried: the recipients' alone, and all."""
        return self.issued, len(self.packed)


def named(evidence: Evidence, packed: Packed, alpha: float) -> Rows:
    """The keys that `artfp trace` names for several images of one source."""
    return np.sort(suspects(evidence, packed, len(packed), alpha).rows)


def named_alone(evidence: Evidence, packed: Packed, alpha: float) -> Rows:
    """The key that each image names on its own, or NOBODY."""
    nearest = evidence.against(packed)
    return np.where(nearest.matches >= needed(packed, evidence.n_bits, alpha), nearest.row, NOBODY)


def needed(packed: Packed, n_bits: int, alpha: float) -> int:
    """The bits that must agree in one image: of two tests at half of alpha, that of hard bits.

    Some fingerprints are never drawn (`keys.fingerprint`), which the other keys have to pay.
    """
    return matches_needed(n_bits, alpha / 2 * ACCEPTED / len(packed))


@dataclass(frozen=True, eq=False)
class Traced:
    """A folder, and whom it names."""

    evidence: Evidence
    named: Mapping[int, Rows]  # by how many keys were tried


def traced(evidence: Evidence, candidates: Candidates, alpha: float) -> Traced:
    """Trace a folder among the recipients' keys, and among all."""
    return Traced(evidence, {size: named(evidence, candidates.packed[:size], alpha) for size in candidates.sizes})


def tally(found: Sequence[Traced], owners: Sequence[Sequence[int]], candidates: Candidates) -> dict[str, Any]:
    """How many folders name those whose copies they came from, counts first."""
    n_bits, images = (
        candidates.n_bits,
        sum(each.evidence.n_images * len(of) for each, of in zip(found, owners, strict=True)),
    )
    right = (
        matching_bits(each.evidence.hard, candidates.packed[owner], n_bits).sum()
        for each, of in zip(found, owners, strict=True)
        for owner in of
    )
    return {
        "folders": len(found),
        "images": sorted({each.evidence.n_images for each in found}),
        "matching_bits": int(sum(right)),
        "total_bits": images * n_bits,
        "among": [_named(size, [each.named[size] for each in found], owners) for size in candidates.sizes],
    }


def _named(keys: int, found: Sequence[Rows], owners: Sequence[Sequence[int]]) -> dict[str, int]:
    guilty = [len(np.intersect1d(rows, of)) for rows, of in zip(found, owners, strict=True)]
    innocent = [len(rows) - count for rows, count in zip(found, guilty, strict=True)]
    return {
        "keys": keys,
        "any": sum(count > 0 for count in guilty),  # folders that name one of those it came from at least
        "all": sum(count == len(of) for count, of in zip(guilty, owners, strict=True)),
        "innocent": sum(count > 0 for count in innocent),  # folders that name somebody else
        "named": sum(guilty),
        "innocents": sum(innocent),
    }
