"""Cross-key false attribution: how many keys that nobody used are found in images of another.

images of a key --decode--> evidence --tests of so many random keys--> how many match, and how many should by chance
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from artfp.attacks.adversary import Adversary, Attempt, Scene
from artfp.attacks.attempts import read, whole
from artfp.keys.fingerprint import Bits, pack
from artfp.robustness import CORRECTED, FORGERY
from artfp.seeds import numpy_generator
from artfp.statistics.decision import MATCH_AT, corrected
from artfp.statistics.evidence import Evidence, p_values
from artfp.statistics.exact import binomial_tail, matches_needed

BLOCK = 100_000  # keys at a time


@dataclass(frozen=True, eq=False)
class Found:
    """What so many keys that have nothing to do with the images have in common with them."""

    keys: int
    single: int  # match an image or more at p <= 1e-6
    folder: int  # match the set at p <= 1e-6
    corrected: int  # and at q <= 1e-6, corrected for all keys tried, as a verdict does
    best: Bits  # of the key with the least p of the set
    best_p: float


def searched(evidence: Evidence, count: int, seed: int) -> Found:
    """Try so many uniformly random keys on the images."""
    needed = matches_needed(evidence.n_bits, MATCH_AT)
    single = folder = surviving = 0
    best, least = np.zeros(evidence.n_bits, np.uint8), np.inf
    for keys in _drawn(evidence.n_bits, count, seed):
        test = p_values(evidence, pack(keys))
        single += int((test.matches >= needed).sum())
        folder += int((test.combined <= MATCH_AT).sum())
        surviving += int((corrected(test.combined, count) <= MATCH_AT).sum())
        row = int(test.combined.argmin())
        if test.combined[row] < least:
            best, least = keys[row], float(test.combined[row])
    return Found(count, single, folder, surviving, best, least)


def single_by_chance(n_bits: int, images: int, keys: int) -> float:
    """How many keys match an image or more, at most, on average; fewer where several match the same key."""
    return float(keys * images * binomial_tail(matches_needed(n_bits, MATCH_AT), n_bits))


def _drawn(n_bits: int, count: int, seed: int) -> Iterator[Bits]:
    for start in range(0, count, BLOCK):
        random = numpy_generator(seed, "cross-keys", start)
        yield random.integers(0, 2, (BLOCK, n_bits), np.uint8)[: count - start]


class CrossKeys(Adversary):
    """Accuses with images of one key whoever holds another; the readout is for the worst of those."""

    name = "cross-keys"
    aim = FORGERY
    knows = "The decoder, and keys of others, among which he looks for one that the images agree with."
    costs = "Reading the images once, and seconds of computing for a million keys."
    unit = "other keys"
    strengths = (1000, 1_000_000)

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Search; the images stay as they are."""
        count, evidence = whole(self, strength), read(scene.codec, scene.images)
        found = searched(evidence, count, scene.seed)
        notes = {
            "keys": found.keys,
            "single_matches": found.single,
            "single_matches_expected_at_most": single_by_chance(evidence.n_bits, evidence.n_images, count),
            "folder_matches": found.folder,
            "folder_matches_expected_at_most": count * MATCH_AT,
            CORRECTED: found.corrected,
            f"{CORRECTED}_expected_at_most": MATCH_AT,
            "best_p": found.best_p,
        }
        return Attempt(images=scene.images, before=scene.images, bits=found.best, notes=notes)
