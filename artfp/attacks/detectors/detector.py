"""What every supervised detector shares: images go to what it looks at, and labelled examples to a way to score others.

    images --look--> what it looks at --learned, from so many of each kind--> scores, above zero: takes it for marked

Whoever needs several sets of examples looks once and learns often.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artfp.attacks.adversary import OnProgress, Pixels
from artfp.attacks.detectors.ensemble import fitted
from artfp.statistics.exact import Floats

Seen = NDArray[Any]
Scorer = Callable[[Seen], Floats]
COUNTS = (10, 30, 100, 300, 1000, 3000)  # labelled examples of each kind


class Detector(ABC):
    """Somebody with examples."""

    name: str
    knows: str  # a sentence
    counts: tuple[int, ...] = COUNTS

    def look(self, pixels: Pixels) -> Seen:
        """What it looks at of N images, in N rows: by default the images."""
        return pixels

    @abstractmethod
    def learned(self, marked: Seen, clean: Seen, seed: int, tell: OnProgress) -> Scorer:
        """The way to score others; all randomness comes from the seed."""


class Linear(Detector):
    """Features and an ensemble of Fisher discriminants."""

    def __init__(self, name: str, knows: str, features: Callable[[Pixels], Floats]) -> None:
        self.name, self.knows, self.features = name, knows, features

    def look(self, pixels: Pixels) -> Seen:
        """The features."""
        return self.features(pixels)

    def learned(self, marked: Seen, clean: Seen, seed: int, tell: OnProgress) -> Scorer:  # noqa: ARG002 - takes seconds
        """The ensemble's scores."""
        truth = np.arange(len(marked) + len(clean)) < len(marked)
        return fitted(np.concatenate([marked, clean]), truth, seed).scores
