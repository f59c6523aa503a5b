"""The noise layers of codec training: random chains of perturbations, the worst of several kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from artfp.codec.settings import PARTS, SHARED
from artfp.perturb.base import Perturbation
from artfp.perturb.image import PERTURBATIONS

SECOND = 0.3  # chance of a second perturbation in a chain
CHROMA_NOISE = 0.05  # standard deviation in each direction of colour
FLIPS = PERTURBATIONS["flip"]


def as_generated(residuals: Tensor, level: float, random: np.random.Generator) -> Tensor:
    """The residuals, those of the last part drawn towards the mean over the other images of their key.

    What a generator learns of a mark is the mean over its training images, put onto pictures of its own, and it
    colours what it paints with noise of its own: white, and next to none in luminance (both measured: LAB.md).
    """
    part = len(residuals) // PARTS
    own = residuals[-part:].view(-1, SHARED, *residuals.shape[1:])
    others = (own.sum(dim=1, keepdim=True) - own) / (SHARED - 1)
    noise = torch.from_numpy(random.standard_normal((part, *residuals.shape[1:]), dtype=np.float32))
    strength = level * CHROMA_NOISE * torch.from_numpy(random.random((part, 1, 1, 1), dtype=np.float32))
    chroma = strength * (noise - noise.mean(dim=1, keepdim=True))
    return torch.cat([residuals[:-part], own.lerp(others, level).flatten(0, 1) + chroma.to(residuals.device)])


def attack(images: Tensor, layers: Sequence[Perturbation], level: float, random: np.random.Generator) -> Tensor:
    """Every part of the batch but the first through its own chain at up to `level`; half of all images mirrored.

    The last part, whose marks are those of a generator, goes through half the time.
    """
    untouched, *attacked, generated = images.chunk(PARTS)
    attacked = [_chain(part, layers, level, random) for part in attacked]
    if random.random() < 0.5:
        generated = _chain(generated, layers, level, random)
    return FLIPS(torch.cat([untouched, *attacked, generated]), 0.5, random)


def _chain(images: Tensor, layers: Sequence[Perturbation], level: float, random: np.random.Generator) -> Tensor:
    length = 2 if len(layers) > 1 and random.random() < SECOND else 1
    for index in random.choice(len(layers), min(length, len(layers)), replace=False):
        layer = layers[index]
        images = layer(images, layer.at_level(level * random.random() ** 0.5), random)
    return images


def worst_of(candidates: Sequence[Tensor], loss_of: Callable[[Tensor], Tensor]) -> Tensor:
    """For each image the candidate with the greatest loss; gradients flow through the chosen ones."""
    if len(candidates) == 1:
        return candidates[0]
    with torch.no_grad():
        losses = torch.stack([loss_of(candidate) for candidate in candidates])
    chosen = losses.argmax(dim=0)
    return torch.stack(list(candidates))[chosen, torch.arange(len(chosen))]
