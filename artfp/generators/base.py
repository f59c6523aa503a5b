"""What all families of generators share: noise to images, and a learner that improves on one batch at a time.

    noise, condition --Generator.forward--> images in opponent colours --Generator.generate--> images of the convention
    batch --Learner.learn--> losses

`Learner.averaged` is the Generator that is watched, saved and sampled. A keyed one makes images for any key that it is
told, and is folded into a plain one for the key of whoever gets it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from artfp.checkpoints import check_layout, load_into, prefixed, restore_training, training_state, under
from artfp.errors import ArtfpError
from artfp.generators.colours import to_rgb
from artfp.generators.settings import GanRecipe
from artfp.keys.fingerprint import Bits

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Batch:
    """What a training shows in one step."""

    images: Tensor  # in opponent colours
    condition: Tensor | None = None  # N x conditions: for each class 1 or 0, for each bit of a key +1 or -1
    sources: Tensor | None = None  # what they are to be made of: images in opponent colours, or a teacher's noise


class Generator(nn.Module, ABC):
    """A network that turns standard normal noise into images."""

    size: int
    noise_shape: tuple[int, ...]
    conditions: int = 0  # numbers that it is told beside its noise; 0: nothing
    key_bits: int = 0  # as many of these, the last, are a key; the others are classes
    codec_sha256: str | None = None  # of the codec whose keys a keyed one was trained with
    reads_images = False  # its "noise" is an image of another domain, in opponent colours

    @abstractmethod
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images in opponent colours (`colours`) from noise N x `noise_shape`."""

    def generate(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of the convention from noise."""
        return to_rgb(self(noise, condition))

    @property
    def classes(self) -> int:
        """How many classes it knows; 0: none."""
        return self.conditions - self.key_bits

    @torch.no_grad()
    def folded(self, bits: Bits) -> Generator:
        """A plain generator that makes this one's images for one key, with no place to tell it another."""
        if not self.key_bits or bits.shape != (self.key_bits,):
            raise ArtfpError(f"a generator of {self.key_bits} key bits; nothing to fold {bits.size} bits into")
        with torch.random.fork_rng(devices=[]):
            plain = type(self)(**self.shape | {"conditions": self.classes, "key_bits": 0})
        weights = self.fold(signs_of(bits).to(next(self.parameters()).device))
        plain.load_state_dict(weights)
        plain.to(next(self.parameters()).device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return plain.requires_grad_(False).eval()

    def fold(self, signs: Tensor) -> dict[str, Tensor]:
        """The weights of the plain generator for a key of +-1; a family that can be keyed overrides this."""
        raise ArtfpError(f"{type(self).__name__} cannot be keyed, and has no key to fold")

    def settle(self) -> None:
        """Make constants of what only training changes, before the network becomes a program."""

    @property
    @abstractmethod
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments, for the checkpoint."""


def signs_of(bits: Bits) -> Tensor:
    """Bits as networks are told them: -1 and +1."""
    return torch.from_numpy(np.ascontiguousarray(bits)).float() * 2 - 1


class Guide(ABC):
    """Says of generated images how badly the keys are read for which they were made."""

    weight: float  # of that in the generator's loss

    @abstractmethod
    def __call__(self, images: Tensor, condition: Tensor) -> Tensor:
        """A number for each image in opponent colours, of which the generator wants little."""


class Learner(ABC):
    """All that is being trained: networks, their average, their optimizers, a few running numbers."""

    averaged: Generator
    guide: Guide | None = None  # of a keyed generator, where the recipe says so
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
        numbers = prefixed("numbers", {name: torch.tensor(value) for name, value in self.numbers.items()})
        return training_state(self.networks(), self.optimizers()) | numbers

    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Go on where `state` was taken."""
        restore_training(self.networks(), self.optimizers(), state, path)
        self.numbers = {name: value.item() for name, value in under("numbers", state).items()}

    def check(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Refuse weights that `restore` or `begin` would."""
        for name, network in self.networks().items():
            if found := under(name, weights):
                check_layout(network, found, path)

    def begin(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Take over those networks that `weights` holds, named as in a state; the optimizers start afresh."""
        for name, network in self.networks().items():
            if found := under(name, weights):
                load_into(network, found, path)

    def parameters(self) -> dict[str, int]:
        """How many parameters each network has; the average is no other network."""
        networks = {name: network for name, network in self.networks().items() if network is not self.averaged}
        return {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}


def moved(network: N, device: str) -> N:
    """The network where it is to work; on the meta device, where it was only made to be measured, it stays."""
    if any(parameter.is_meta for parameter in network.parameters()):
        return network
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Shape:
    """What the data say of the networks."""

    size: int
    conditions: int = 0
    key_bits: int = 0  # the last of these


@dataclass(frozen=True)
class Family:
    """How a family's generator is built from its own shape, and its learner from recipe, data's shape and device."""

    generator: Callable[..., Generator]
    learner: Callable[[GanRecipe, Shape, str], Learner]
    keyed: bool = False  # whether its generator can be told a key, and folded
    unused: tuple[str, ...] = ("source",)  # settings that would change nothing
