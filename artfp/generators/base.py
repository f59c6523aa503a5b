"""What every family of generators has in common: noise to images, and a learner that improves on one batch at a time.

    noise --Generator.forward--> images in opponent colours --Generator.generate--> images of the convention
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


class Generator(nn.Module, ABC):
    """A network that turns standard normal noise into images."""

    size: int
    noise_shape: tuple[int, ...]

    @abstractmethod
    def forward(self, noise: Tensor) -> Tensor:
        """Images in opponent colours (`colours`) from noise N x `noise_shape`."""

    def generate(self, noise: Tensor) -> Tensor:
        """Images of the convention from noise."""
        return to_rgb(self(noise))

    @property
    @abstractmethod
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments, for the checkpoint."""


class Learner(ABC):
    """All that is being trained: networks, their average, their optimizers."""

    averaged: Generator

    @abstractmethod
    def learn(self, images: Tensor, step: int, seed: int) -> dict[str, float]:
        """Learn from a batch in opponent colours; the losses, by name. All randomness comes from the seed."""

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
class Family:
    """How a family's generator is built from its shape, and its learner from a recipe, a size and a device."""

    generator: Callable[..., Generator]
    learner: Callable[[GanRecipe, int, str], Learner]
