"""The noise layers of codec training: random chains of perturbations, the worst of several kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from artfp.perturb.base import Perturbation
from artfp.perturb.image import PERTURBATIONS

GROUPS = 4  # parts of a batch; the first stays untouched, so that clean files are never traded for attacked ones
SECOND = 0.3  # chance of a second perturbation in a chain
FLIPS = PERTURBATIONS["flip"]


def attack(images: Tensor, kinds: Sequence[Perturbation], level: float, random: np.random.Generator) -> Tensor:
    """Every part of the batch but the first through its own chain at up to `level`; half of all images mirrored."""
    untouched, *parts = images.chunk(GROUPS)
    return FLIPS(torch.cat([untouched, *(_chain(part, kinds, level, random) for part in parts)]), 0.5, random)


def _chain(images: Tensor, kinds: Sequence[Perturbation], level: float, random: np.random.Generator) -> Tensor:
    length = 2 if len(kinds) > 1 and random.random() < SECOND else 1
    for index in random.choice(len(kinds), min(length, len(kinds)), replace=False):
        kind = kinds[index]
        images = kind(images, kind.at_level(level * random.random() ** 0.5), random)
    return images


def worst_of(candidates: Sequence[Tensor], loss_of: Callable[[Tensor], Tensor]) -> Tensor:
    """For each image the candidate with the greatest loss; gradients flow through the chosen ones."""
    if len(candidates) == 1:
        return candidates[0]
    with torch.no_grad():
        losses = torch.stack([loss_of(candidate) for candidate in candidates])
    chosen = losses.argmax(dim=0)
    return torch.stack(list(candidates))[chosen, torch.arange(len(chosen))]
