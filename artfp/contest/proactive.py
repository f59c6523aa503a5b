"""artfp in the place of a passive system: an image scores, for each class, the bits on which it agrees with its key.

    image --codec--> hard bits --agreement with the nearest key of each owner--> N x classes
                                    photographs: just under what a single image needs to match one of so many keys

So the answer is the key that matches best, if any does, and else a photograph, which says no more than that nobody's
enrolled key is there. Nothing is learnt, and nothing is chosen on any image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from artfp.codec.base import Codec
from artfp.contest.settings import REAL
from artfp.passive.classes import Pixels
from artfp.reading import read_pixels
from artfp.statistics.calibration import matching_bits
from artfp.statistics.decision import ACCEPTED, IMAGE_AT
from artfp.statistics.exact import Floats, Packed, matches_needed


@dataclass(frozen=True, eq=False)
class Proactive:
    """A codec with the enrolled keys."""

    codec: Codec
    classes: tuple[str, ...]  # sorted
    keys: Mapping[str, Sequence[Packed]]  # of each class but that of photographs

    @property
    def stamp(self) -> str:
        """What its numbers are marked with."""
        return f"artfp with {self.codec.name}"

    @property
    def threshold(self) -> float:
        """Between the bits that make an image match one of so many keys, and one bit less."""
        trials = sum(len(keys) for keys in self.keys.values())
        return matches_needed(self.codec.n_bits, IMAGE_AT * ACCEPTED / trials) - 0.5

    def scores_of(self, pixels: Pixels) -> Floats:
        """N x classes."""
        hard = np.packbits(read_pixels(self.codec, list(pixels)) > 0, axis=1)
        return np.stack([self._scores(name, hard) for name in self.classes], axis=1)

    def _scores(self, name: str, hard: Packed) -> Floats:
        if name == REAL:
            return np.full(len(hard), self.threshold)
        found = [matching_bits(hard, key, self.codec.n_bits) for key in self.keys[name]]
        return np.max(found, axis=0).astype(np.float64)
