"""How well a score separates two sets of images, at every threshold at once; open-set measures follow from it.

AUC = P(a > b) + P(a = b) / 2 for one image of each set: the area below the receiver operating characteristic
OSCR: the area below the share of known images that are both accepted and named rightly, against the share of
unknown ones that are accepted (Dhamija, Günther, Boult, NeurIPS 2018, arXiv 1811.04110, section 4)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from artfp.statistics.exact import Floats, Ints

TPR = 0.95


def auc(positives: Floats, negatives: Floats) -> float:
    """The chance that one of the positives scores higher than one of the negatives; ties count one half."""
    ranks = rankdata(np.concatenate([positives, negatives]))[: len(positives)]
    wins = ranks.sum() - len(positives) * (len(positives) + 1) / 2
    return float(wins / (len(positives) * len(negatives)))


def margins(scores: Floats) -> Floats:
    """By how much each class's score, N x classes, exceeds the largest of the others': what is added to all is gone."""
    largest, second = scores.max(axis=1, keepdims=True), np.partition(scores, -2, axis=1)[:, -2:-1]
    return scores - np.where(scores == largest, second, largest)


def one_vs_rest_auc(scores: Floats, truth: Ints) -> float:
    """The mean over the classes that occur of the AUC of their score, N x classes, against the images of all others."""
    return float(np.mean([auc(scores[truth == k, k], scores[truth != k, k]) for k in np.unique(truth)]))


def roc(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """The shares of negatives and of positives at or above each threshold, from none to all of them."""
    thresholds = np.unique(np.concatenate([positives, negatives]))[::-1]
    shares = [_at_or_above(each, thresholds) for each in (negatives, positives)]
    false, true = (np.concatenate([[0.0], share]) for share in shares)
    return false, true


def _at_or_above(scores: Floats, thresholds: Floats) -> Floats:
    share: Floats = 1 - np.searchsorted(np.sort(scores), thresholds, side="left") / len(scores)
    return share


def equal_error_rate(positives: Floats, negatives: Floats) -> float:
    """Where as large a share of positives is missed as of negatives accepted, on the straight pieces of the curve."""
    false, true = roc(positives, negatives)
    excess = false - (1 - true)  # rises from -1 to 1
    above = int(np.argmax(excess >= 0))
    step = -excess[above - 1] / (excess[above] - excess[above - 1])
    return float(false[above - 1] + step * (false[above] - false[above - 1]))


def fpr_at_tpr(known: Floats, unknown: Floats, tpr: float = TPR) -> float:
    """The share of unknown images that pass the highest threshold which at least `tpr` of the known ones pass."""
    needed = int(np.ceil(tpr * len(known) - 1e-9))
    threshold = np.sort(known)[len(known) - needed]
    return float((unknown >= threshold).mean())


def oscr(known: Floats, right: NDArray[np.bool_], unknown: Floats) -> float:
    """The chance that a known image is named rightly *and* scores higher than an unknown one; ties count one half."""
    return float(right.mean()) * auc(known[right], unknown) if right.any() else 0.0
