"""Artificial training sets: unlabelled suspects are told apart by what marking them again does to them.

    A  suspects, some of them marked          A: clean         marked
    B  A marked with the attacker's own key   B:        marked         twice
    C  B marked with another of his           C:                       twice    thrice

`ats`       learns to tell A from C, where B's once marked are at home in A alone, and B's twice marked in C alone; what
            it takes of B for C was marked before. Lerch-Hostalot, Megias, Engineering Applications of Artificial
            Intelligence 50 (2016), pages 45-59 (arXiv 1703.00796).
`ats-once`  learns to tell A from B, on half of the suspects, and scores the other half of A: what looks as if he had
            marked it. For codecs that leave hardly a trace of a second mark beside a first.

Differs: theirs is a support vector machine on features selected from a rich model. Here an ensemble of discriminants
takes co-occurrences and what the attacker's own decoder reads; and suspects are marked with several keys, all of which
have a say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from artfp.attacks.adversary import OnProgress, Pixels
from artfp.attacks.attempts import BATCH
from artfp.attacks.detectors import cooccurrence
from artfp.attacks.detectors.ensemble import Ensemble, fitted
from artfp.attacks.detectors.own_codec import certainties, whole_batch
from artfp.codec.base import Codec
from artfp.images import to_pixels
from artfp.seeds import numpy_generator
from artfp.statistics.exact import Floats

COUNTS = (100, 300, 1000, 3000)  # suspects
KEYS = 3  # ways in which he marks each of them again


@dataclass(frozen=True, eq=False)
class Rounds:
    """The features of suspects, and of the same marked again and twice again, with each of several keys."""

    suspects: Floats
    once: tuple[Floats, ...]
    twice: tuple[Floats, ...]

    def first(self, count: int) -> Rounds:
        """Of so many suspects."""
        return Rounds(
            self.suspects[:count], tuple(each[:count] for each in self.once), tuple(each[:count] for each in self.twice)
        )


def marked_again(pixels: Pixels, codec: Codec, seed: int, tell: OnProgress) -> Rounds:
    """Mark and look; every image gets bits of its own, so that nothing learns a key."""
    once, twice = [], []
    for key in range(KEYS):
        tell(key, KEYS, f"marking {len(pixels)} suspects again")
        images = _marked(pixels, codec, seed, f"once-{key}")
        once.append(looked_at(images, codec))
        twice.append(looked_at(_marked(images, codec, seed, f"twice-{key}"), codec))
    return Rounds(looked_at(pixels, codec), tuple(once), tuple(twice))


def looked_at(pixels: Pixels, codec: Codec) -> Floats:
    """Features that do not depend on keys."""
    return np.concatenate([cooccurrence.features(pixels), certainties(codec, pixels)], axis=1)


def _marked(pixels: Pixels, codec: Codec, seed: int, draw: str) -> Pixels:
    """In whole batches, as arithmetic depends on their size: an image is marked the same in any company."""
    found = []
    for start in range(0, len(pixels), BATCH):
        bits = numpy_generator(seed, "ats", draw, start).integers(0, 2, (BATCH, codec.n_bits), np.uint8)
        found.append(to_pixels(codec.embed(whole_batch(pixels, start), torch.from_numpy(bits))))
    return np.concatenate(found)[: len(pixels)]


def published(rounds: Rounds, seed: int) -> Floats:
    """`ats`: a score for every suspect."""
    told = _told_apart(rounds.suspects, rounds.twice, seed)
    return np.mean([told.scores(once) for once in rounds.once], axis=0)


def once_only(rounds: Rounds, seed: int) -> Floats:
    """`ats-once`: a score for every suspect, of an ensemble that has not seen it."""
    scores = np.empty(len(rounds.suspects))
    half = np.arange(len(scores)) // 2 % 2 == 0
    for part in (half, ~half):
        told = _told_apart(rounds.suspects[part], [once[part] for once in rounds.once], seed)
        scores[~part] = told.scores(rounds.suspects[~part])
    return scores


def _told_apart(first: Floats, others: Sequence[Floats], seed: int) -> Ensemble:
    features = np.concatenate([first, *others])
    return fitted(features, np.arange(len(features)) >= len(first), seed)
