"""How well scores tell marked images from clean ones: the area under the ROC curve, and accuracy.

The area is the chance that a marked image has a higher score than a clean one, equal scores counting half: Mann and
Whitney's U over the number of pairs. The bootstrap draws pictures, with every image of theirs: a marked image and its
own original come and go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artfp.errors import ArtfpError
from artfp.results import Record
from artfp.statistics.exact import Floats
from artfp.statistics.jackknife import LEVEL, Interval
from artfp.statistics.paired import DRAWS

LEAKS, KEPT, UNDECIDED = "leaks", "kept", "undecided"
MARGIN = 0.05  # an area this far from a half, on either side, is worth something to an attacker


@dataclass(frozen=True)
class Detection(Record):
    """What an attacker's scores are worth on images that he has not learned from."""

    marked: int
    clean: int
    auc: Interval
    accuracy: Interval  # the mean of the two shares that are right at his own threshold, which is zero

    @property
    def finding(self) -> str:
        """`leaks` where the area is surely no half, and far from it on either side; `kept` where it is surely near."""
        auc = self.auc
        if abs(auc.value - 0.5) > MARGIN and not auc.low <= 0.5 <= auc.high:
            return LEAKS
        return KEPT if auc.low >= 0.5 - MARGIN and auc.high <= 0.5 + MARGIN else UNDECIDED


def detection(
    scores: Floats, marked: NDArray[np.bool_], pictures: Sequence[int], random: np.random.Generator
) -> Detection:
    """Area and accuracy of one score for each image, with the percentiles of their bootstrap over pictures."""
    if marked.all() or not marked.any():
        raise ArtfpError("scores of one kind of images tell nothing apart")
    if not np.isfinite(scores).all():
        raise ArtfpError("a score is not a number")
    _, picture = np.unique(pictures, return_inverse=True)
    count = int(picture.max()) + 1
    weights = random.multinomial(count, np.full(count, 1 / count), DRAWS)[:, picture].astype(np.float64)
    whole = np.concatenate([np.ones((1, len(scores))), weights])
    whole = whole[whole[:, marked].any(axis=1) & whole[:, ~marked].any(axis=1)]  # of one kind alone there is no area
    areas, accuracies = _areas(scores, marked, whole), _accuracies(scores, marked, whole)
    return Detection(int(marked.sum()), int((~marked).sum()), _interval(areas), _interval(accuracies))


def _areas(scores: Floats, marked: NDArray[np.bool_], weights: Floats) -> Floats:
    """One for each row of weights of the images."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))  # where equal scores begin
    high = np.add.reduceat((weights * marked)[:, order], starts, axis=1)
    low = np.add.reduceat((weights * ~marked)[:, order], starts, axis=1)
    below = np.cumsum(low, axis=1) - low / 2
    found: Floats = (high * below).sum(axis=1) / (high.sum(axis=1) * low.sum(axis=1))
    return found


def _accuracies(scores: Floats, marked: NDArray[np.bool_], weights: Floats) -> Floats:
    right = np.where(marked, scores > 0, scores <= 0)
    shares = [(weights[:, kind] * right[kind]).sum(axis=1) / weights[:, kind].sum(axis=1) for kind in (marked, ~marked)]
    found: Floats = np.mean(shares, axis=0)
    return found


def _interval(values: Floats) -> Interval:
    """The first value is the images' own, the others those of the draws."""
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values[0]), float(low), float(high))
