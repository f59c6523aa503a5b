"""The noise layers of codec training: random chains of perturbations, the worst of several kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from artfp.perturb.base import Perturbation
from artfp.perturb.image import PERTURBATIONS

GROUPS = 4  # parts of a batch; the first stays untouched, so that clean files are never traded for attacked ones
SECOND = 0.3  # chance of a second perturbation in a chain
FLIPS = PERTURBATIONS["flip"]

Levels = Callable[[str], float]


@dataclass(frozen=True, eq=False)
class Attacked:
    """A batch after its attacks, and which layers each image went through."""

    images: Tensor
    layers: Tensor  # N x layers, of bool

    def accuracies(self, right: Tensor, names: Sequence[str]) -> dict[str, float]:
        """The mean of `right`, one number an image, over the images of each layer that was drawn."""
        drawn = self.layers.to(right.dtype)
        counts = drawn.sum(dim=0)
        means = (right @ drawn / counts.clamp(min=1)).tolist()
        return {name: mean for name, mean, count in zip(names, means, counts.tolist(), strict=True) if count}


def attack(images: Tensor, layers: Sequence[Perturbation], levels: Levels, random: np.random.Generator) -> Attacked:
    """Every part of the batch but the first through its own chain of layers; half of all images mirrored."""
    untouched, *parts = images.chunk(GROUPS)
    results, drawn = [untouched], [torch.zeros(len(untouched), len(layers), dtype=torch.bool)]
    for part in parts:
        chain = _chain(len(layers), random)
        for index in chain:
            level = levels(layers[index].name) * random.random() ** 0.5
            part = layers[index](part, layers[index].at_level(level), random)
        results.append(part)
        drawn.append(torch.isin(torch.arange(len(layers)), torch.tensor(chain)).expand(len(part), -1))
    return Attacked(FLIPS(torch.cat(results), 0.5, random), torch.cat(drawn))


def _chain(n_layers: int, random: np.random.Generator) -> list[int]:
    length = 2 if random.random() < SECOND else 1
    return random.choice(n_layers, min(length, n_layers), replace=False).tolist()


def worst_of(candidates: Sequence[Attacked], loss_of: Callable[[Tensor], Tensor]) -> Attacked:
    """For each image the candidate with the greatest loss; gradients flow through the chosen ones."""
    if len(candidates) == 1:
        return candidates[0]
    with torch.no_grad():
        losses = torch.stack([loss_of(candidate.images) for candidate in candidates])
    chosen, each = losses.argmax(dim=0).cpu(), torch.arange(losses.shape[1])
    images = torch.stack([candidate.images for candidate in candidates])[chosen, each]
    return Attacked(images, torch.stack([candidate.layers for candidate in candidates])[chosen, each])
