"""What a trained system says of single images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from artfp.generators.dataset import OnProgress
from artfp.images import load_image
from artfp.passive.base import BATCH
from artfp.passive.classes import Pixels
from artfp.passive.open_set import named
from artfp.passive.store import Enrolled
from artfp.reading import Item, silent
from artfp.results import Record


@dataclass(frozen=True)
class Prediction(Record):
    """What a system says of an image."""

    name: str
    answer: str  # a class, or "unknown"
    scores: dict[str, float]  # logits or correlations, no probabilities


def predict(
    enrolled: Enrolled, items: Sequence[Item], open_set: bool = False, tell: OnProgress = silent
) -> list[Prediction]:
    """The class of each image; with `open_set`, unknown where its largest score is under the threshold."""
    system, found = enrolled.system, []
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        scores = system.scores_of(np.stack([_prepared(enrolled, item) for item in batch]))
        answers = named(scores, system.classes, enrolled.threshold if open_set else None)
        for (name, _), answer, row in zip(batch, answers, scores.tolist(), strict=True):
            found.append(Prediction(name, answer, dict(zip(system.classes, row, strict=True))))
        tell(start + len(batch), len(items), "")
    return found


def _prepared(enrolled: Enrolled, item: Item) -> Pixels:
    name, read = item
    return enrolled.preparation(load_image(read(), name).rgb, name)
