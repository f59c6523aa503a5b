"""`attnet`: a classifier whose last features are the image's fingerprint.

    image in [-1, 1] -> [3 x 3, 3 x 3 to twice the channels, mean of 2 x 2] ... -> 4 x 4
                     -> 3 x 3 -> dense: the fingerprint of the image -> dense: logits

Yu, Davis, Fritz, ICCV 2019 (arXiv 1811.08180): the discriminator of progressive growing without its statistics over a
batch, under cross-entropy. What differs from their program: convolutions see zeros around an image, not its mirror.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from artfp.devices import fast_arithmetic
from artfp.errors import UsageError
from artfp.generators.dataset import Order
from artfp.generators.dcgan import START, channels_at
from artfp.generators.equalised import Convolution, Dense, active
from artfp.passive.base import LITE, PAPER, Course, Facts, NetworkAttributor
from artfp.passive.classes import Examples, Lessons
from artfp.passive.learning import Descent, go_on
from artfp.perturb.geometry import Flip
from artfp.recipe import setting
from artfp.seeds import numpy_generator

BETAS = (0.0, 0.99)  # of Adam: no momentum
TOLD_AT = 64  # pixels: as theirs, networks are equally wide at a side, whatever the size of the images


@dataclass(frozen=True)
class AttnetSettings:
    """What determines the classifier beside the images."""

    width: int = setting(16, low=1, high=1024)  # channels at TOLD_AT pixels, doubled at every halving ...
    most: int = setting(512, low=1, high=4096)  # ... up to this
    features: int = setting(512, low=1, high=4096)  # of the fingerprint
    steps: int = setting(6000, low=1)
    batch: int = setting(32, low=2, high=4096)
    rate: float = setting(4e-3, low=1e-7, high=1)
    falling: bool = setting(True)  # the rate falls to nothing, in a straight line; else it stays


class Encoder(nn.Module):
    """[3 x 3, 3 x 3, mean of 2 x 2] at every side from an image's down to START."""

    def __init__(self, size: int, width: int, most: int) -> None:
        super().__init__()
        check_size(size)
        widths = widths_of(size, width, most)[::-1]
        self.channels = widths[-1]
        inputs = [3, *widths[1:-1]]
        self.first = nn.ModuleList(Convolution(a, b, 3) for a, b in zip(inputs, widths[:-1], strict=True))
        self.second = nn.ModuleList(Convolution(a, b, 3) for a, b in pairwise(widths))

    def forward(self, images: Tensor) -> Tensor:
        """Features of START pixels, of images in [-1, 1]."""
        hidden = images.contiguous(memory_format=torch.channels_last)
        for first, second in zip(self.first, self.second, strict=True):
            hidden = F.avg_pool2d(active(second(active(first(hidden)))), 2)
        return hidden


class AttributionNetwork(nn.Module):
    """Images of the convention to logits."""

    def __init__(self, settings: AttnetSettings, classes: int, size: int) -> None:
        super().__init__()
        self.encoder = Encoder(size, settings.width, settings.most)
        channels = self.encoder.channels
        self.last = Convolution(channels, channels, 3)
        self.dense = Dense(channels * START**2, settings.features)
        self.out = Dense(settings.features, classes)

    def features(self, images: Tensor) -> Tensor:
        """The fingerprint of each image."""
        hidden = active(self.last(self.encoder(signed(images))))
        return active(self.dense(hidden.flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.out(self.features(images))
        return logits


class Attnet(NetworkAttributor[AttnetSettings]):
    """The attribution network."""

    name = "attnet"
    presets: ClassVar[Mapping[str, AttnetSettings]] = {
        LITE: AttnetSettings(),
        # as long as their configuration allows, 100 million images: they stopped by hand, and do not say when
        PAPER: AttnetSettings(width=32, steps=3_125_000, rate=1e-3, falling=False),
    }
    network: AttributionNetwork

    def build(self) -> AttributionNetwork:
        """At a random start, with biases of zero."""
        return AttributionNetwork(self.settings, len(self.classes), self.size)

    def fit(self, lessons: Lessons, course: Course) -> Facts:
        """Train for all steps and keep the end: there is nothing to choose."""
        self.to(course.device)
        self.begin(course.seed)
        chosen, shown = self.settings, Shown(lessons.train, self.settings.batch, course)

        def loss(step: int) -> Tensor:
            images, labels = shown[step]
            with fast_arithmetic(course.device):
                logits = self.network(images)
            return F.cross_entropy(logits.float(), labels)

        def rate(step: int) -> float:
            return chosen.rate * (1 - step / chosen.steps) if chosen.falling else chosen.rate

        adam = optim.Adam(self.network.parameters(), lr=chosen.rate, betas=BETAS)
        go_on(Descent(self.network, adam, loss, rate), chosen.steps, course, "training")
        return {}


class Shown:
    """Batch i of the training images, each of which is mirrored with probability one half."""

    def __init__(self, train: Examples, batch: int, course: Course) -> None:
        self.train, self.course = train, course
        self.order = Order(len(train), batch, course.seed, "attnet-order")

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        """Images and labels."""
        images, labels = self.train.batch(self.order[step], self.course.device)
        return Flip()(images, 0.5, numpy_generator(self.course.seed, "attnet-mirror", step)), labels


def widths_of(size: int, width: int, most: int) -> list[int]:
    """Channels at START pixels, twice that ... and `size`, of a network that has `width` of them at TOLD_AT."""
    return channels_at(size, max(1, width * TOLD_AT // size), most)


def signed(images: Tensor) -> Tensor:
    """Images of the convention in [-1, 1]."""
    return 2 * images - 1


def check_size(size: int) -> None:
    """Refuse a side that does not halve down to START: one that is no power of two."""
    if size <= START or size & (size - 1):
        raise UsageError(f"images of {size} pixels: the side must be a power of two, as 32, 64 or 128")
