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

import torch
from torch import Tensor, nn

from artfp.checkpoints import adam_state, load_into, prefixed, restore_adam, under
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

    def settle(self) -> None:
        """Make constants of what only training changes, before the network becomes a program."""

    @property
    @abstractmethod
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments, for the checkpoint."""


class Learner(ABC):
    """All that is being trained: networks, their average, their optimizers, a few running numbers."""

    averaged: Generator
    numbers: dict[str, float]  # as last measured

    @abstractmethod
    def learn(self, batch: Batch, step: int, seed: int) -> dict[str, float]:
        """Learn from a batch; the losses, by name. All randomness comes from the seed."""

    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """Every network by name; the one whose average is kept is "generator", and its average "averaged"."""

    @abstractmethod
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Every optimizer, by the name of the network it moves."""

    def state(self) -> dict[str, Tensor]:
        """Everything that `restore` needs to go on exactly here."""
        weights = [prefixed(name, network.state_dict()) for name, network in self.networks().items()]
        moments = [prefixed(f"{name}-adam", adam_state(adam)) for name, adam in self.optimizers().items()]
        numbers = prefixed("numbers", {name: torch.tensor(value) for name, value in self.numbers.items()})
        return {name: tensor for group in (*weights, *moments, numbers) for name, tensor in group.items()}

    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Go on where `state` was taken."""
        for name, network in self.networks().items():
            load_into(network, under(name, state), path)
        for name, adam in self.optimizers().items():
            restore_adam(adam, under(f"{name}-adam", state))
        self.numbers = {name: value.item() for name, value in under("numbers", state).items()}

    def begin(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Take over those networks that `weights` holds, named as in a state; the optimizers start afresh."""
        for name, network in self.networks().items():
            if found := under(name, weights):
                load_into(network, found, path)

    def parameters(self) -> dict[str, int]:
        """How many parameters each network has; the average is no other network."""
        networks = {name: network for name, network in self.networks().items() if network is not self.averaged}
        return {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}


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
