"""What every passive system is: it learns classes from their images, and scores an image for each class.

    Lessons (train, validation) --Attributor.fit--> Attributor --scores_of--> N x classes, higher is more likely
                                                       |  state, restore: tensors alone (`store.py`)

It never sees a test image: `Lessons` holds none. Scores are logits or correlations, never probabilities.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from artfp.checkpoints import load_into
from artfp.errors import ArtfpError
from artfp.images import check_images, to_tensor
from artfp.passive.classes import Lessons, Pixels
from artfp.reading import silent
from artfp.seeds import derive_seed
from artfp.statistics.exact import Floats

LITE, PAPER = "lite", "paper"
OWN = "own"  # the stamp of settings that are no preset
BATCH = 64  # always, the last one padded: what an image scores must not depend on what comes with it

Facts = dict[str, float | int | str | bool | None]
S = TypeVar("S")


@dataclass(frozen=True)
class Course:
    """How a system is trained, beside its settings and its lessons."""

    seed: int
    device: str = "cpu"
    folder: Path | None = None  # where trainings of minutes keep checkpoints, to go on from; None: nowhere
    tell: Callable[[int, int, str], None] = silent


class Attributor(ABC, Generic[S]):
    """A passive system for some classes of images of one size."""

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Any]]  # LITE and PAPER: settings, each a frozen dataclass of plain values

    def __init__(self, settings: S, classes: Sequence[str], size: int) -> None:
        if len(classes) < 2 or sorted(set(classes)) != list(classes):
            raise ArtfpError(f"{self.name}: classes must be two or more different ones, sorted, not {list(classes)}")
        self.settings, self.classes, self.size = settings, tuple(classes), size
        self.device = "cpu"
        self.immune: str | None = None  # to which attacks it was immunised (`immunity.py`)

    @property
    def preset(self) -> str:
        """The name of the settings, `OWN` where they are no preset; and after a + what was done beside."""
        name = next((name for name, settings in self.presets.items() if settings == self.settings), OWN)
        return name if self.immune is None else f"{name}+{self.immune}"

    @property
    def stamp(self) -> str:
        """What every number of this system is marked with."""
        return f"{self.name} {self.preset} at {self.size} px"

    @abstractmethod
    def fit(self, lessons: Lessons, course: Course) -> Facts:
        """Learn the classes from the beginning, or go on from the course's folder; facts for the card.

        All randomness comes from the course's seed. Whatever is chosen is chosen on the validation images.
        """

    @abstractmethod
    def scores(self, images: Tensor) -> Tensor:
        """N x classes for images of the convention on the system's device; a row depends on its own image alone."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that was learnt."""

    @abstractmethod
    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Take over what `state` gave of a system with the same settings, classes and size; `path` is to blame."""

    @abstractmethod
    def to(self, device: str) -> None:
        """Move there what was learnt."""

    @torch.no_grad()
    def scores_of(self, pixels: Pixels) -> Floats:
        """The scores of any number of 8-bit images of the system's size."""
        found = [self._batch(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
        return np.concatenate([np.empty((0, len(self.classes))), *found])

    def _batch(self, pixels: Pixels) -> Floats:
        if pixels.shape[1:] != (self.size, self.size, 3):
            raise ArtfpError(
                f"{self.stamp}: images of {pixels.shape[2]} x {pixels.shape[1]} pixels are not of its size"
            )
        images = check_images(to_tensor(pixels)).to(self.device)
        padded = torch.cat([images, images[-1:].expand(BATCH - len(images), -1, -1, -1)])
        scores = self.scores(padded)[: len(images)].to(torch.float64).cpu().numpy()
        if scores.shape != (len(pixels), len(self.classes)) or not np.isfinite(scores).all():
            raise ArtfpError(f"{self.stamp}: scores that are no numbers, or not one for each class")
        return scores


class NetworkAttributor(Attributor[S]):
    """A system whose learning is all in one network, from images of the convention to logits."""

    network: nn.Module

    def __init__(self, settings: S, classes: Sequence[str], size: int) -> None:
        super().__init__(settings, classes, size)
        self.begin(0)

    @abstractmethod
    def build(self) -> nn.Module:
        """The network at a random start."""

    def begin(self, seed: int) -> None:
        """Start afresh from the seed: the first thing that `fit` does."""
        with drawing(seed, self.name, "start"):
            self.network = self.build().to(self.device)

    def scores(self, images: Tensor) -> Tensor:
        """The logits, in float32."""
        logits: Tensor = self.network.eval()(images)
        return logits.float()

    def state(self) -> dict[str, Tensor]:
        """Weights and buffers."""
        return self.network.state_dict()

    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Weights and buffers of exactly this layout."""
        load_into(self.network, state, path)

    def to(self, device: str) -> None:
        """Move the network."""
        self.device = device
        self.network.to(device)


@contextmanager
def drawing(*parts: int | str) -> Iterator[None]:
    """What torch draws inside follows from the parts alone, and leaves no trace outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(*parts))
        yield
