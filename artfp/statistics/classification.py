"""How well classes are told apart: counts first, then shares, all from the confusion matrix.

A class that none of the images is of has no recall and takes no part in a mean over classes.
"""

from __future__ import annotations

import numpy as np

from artfp.statistics.exact import Ints


def confusion(truth: Ints, predicted: Ints, classes: int) -> Ints:
    """How many images of each class (rows) were taken for each class (columns)."""
    counts: Ints = np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)
    return counts


def accuracy(counts: Ints) -> float:
    """The share of all images that were taken for what they are."""
    return float(counts.trace() / counts.sum())


def balanced_accuracy(counts: Ints) -> float:
    """The mean over classes of that share among a class's own images: 1 / classes by chance, however many of each."""
    there = counts.sum(axis=1) > 0
    return float((counts.diagonal()[there] / counts.sum(axis=1)[there]).mean())


def macro_f1(counts: Ints) -> float:
    """The mean over classes of 2 TP / (2 TP + FP + FN), of those that occur in the truth or among the answers."""
    members, answers = counts.sum(axis=1), counts.sum(axis=0)
    there = members + answers > 0
    return float((2 * counts.diagonal()[there] / (members + answers)[there]).mean())
