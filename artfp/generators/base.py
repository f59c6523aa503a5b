"""What all families of generators share: noise to images, and a learner that improves on one batch at a time.

    noise, condition --Generator.forward--> images in opponent colours --Generator.generate--> images of the convention
    batch --Learner.learn--> losses

`Learner.averaged` is the Generator that is watched, saved and sampled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from artfp.generators.colours import to_rgb
from artfp.generators.settings import GanRecipe


@dataclass(frozen=True)
class Batch:
    """What a training shows in one step."""

    images: Tensor  # in opponent colours
    condition: Tensor | None = None  # N x conditions: one number for each class, 1 for the image's own
    sources: Tensor | None = None  # what image-conditional generators translate, in opponent colours


class Generator(nn.Module, ABC):
    """A network that turns standard normal noise into images."""

    size: int
    noise_shape: tuple[int, ...]
    conditions: int = 0  # numbers that it is told beside its noise; 0: nothing
    reads_images = False  # its "noise" is an image of another domain, in opponent colours

    @abstractmethod
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images in opponent colours (`colours`) from noise N x `noise_shape`."""

    def generate(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of the convention from noise."""
        return to_rgb(self(noise, condition))

    @property
    @abstractmethod
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments, for the checkpoint."""


class Learner(ABC):
    """All that is being trained: networks, their average, their optimizers."""

    averaged: Generator

    @abstractmethod
    def learn(self, batch: Batch, step: int, seed: int) -> dict[str, float]:
        """Learn from a batch; the losses, by name. All randomness comes from the seed."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Everything that `restore` needs to go on exactly here."""

    @abstractmethod
    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Put back a state read from `path`."""

    @abstractmethod
    def parameters(self) -> dict[str, int]:
        """How many parameters each network has."""


@dataclass(frozen=True)
class Shape:
    """What the data say of the networks."""

    size: int
    conditions: int = 0


@dataclass(frozen=True)
class Family:
    """How a family's generator is built from its own shape, and its learner from recipe, data's shape and device."""

    generator: Callable[..., Generator]
    learner: Callable[[GanRecipe, Shape, str], Learner]
