"""Open set, for every system alike: an image whose largest score is low belongs to no class.

    validation images of the classes --their largest scores--> the 5 % quantile: the threshold
    an image --largest score--> below it: unknown; else the class of that score

No unknown image takes part in the choice: whoever has some of the unknown knows them.
"""

from __future__ import annotations

import numpy as np

from artfp.passive.classes import UNKNOWN
from artfp.statistics.exact import Floats

KEPT = 0.95  # of the known images


def threshold_of(scores: Floats) -> float:
    """Below which the largest score of one in twenty of these known images lies; `scores` are N x classes."""
    return float(np.quantile(scores.max(axis=1), 1 - KEPT))


def named(scores: Floats, classes: tuple[str, ...], threshold: float | None = None) -> list[str]:
    """The class of each image's largest score; with a threshold, UNKNOWN where that lies below it."""
    best = [classes[place] for place in scores.argmax(axis=1)]
    if threshold is None:
        return best
    return [name if top >= threshold else UNKNOWN for name, top in zip(best, scores.max(axis=1), strict=True)]
