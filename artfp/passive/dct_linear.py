"""A linear classifier on the logarithm of an image's DCT spectrum.

    image --DCT-II of each channel--> log |c| --less the training mean, by the deviation--> linear --> logits

Frank, Eisenhofer, Schönherr, Fischer, Kolossa, Holz, ICML 2020 (arXiv 2003.08685): upsampling leaves peaks and slopes
in the spectrum. Softmax regression with a squared penalty, which is chosen on the validation images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.generators.dataset import Order
from artfp.passive.base import BATCH, LITE, PAPER, Course, Facts, NetworkAttributor
from artfp.passive.classes import Examples, Lessons
from artfp.passive.learning import Descent, go_on
from artfp.recipe import setting

FLOOR = 1e-12  # added to |c|, as in the paper's code, so that a zero has a logarithm
FLAT = 1e-6  # a coefficient that deviates less says nothing


@dataclass(frozen=True)
class DctSettings:
    """What determines the classifier beside the images."""

    steps: int = setting(1500, low=1)
    batch: int = setting(64, low=2, high=4096)
    rate: float = setting(1e-3, low=1e-7, high=1)
    penalties: tuple[float, ...] = setting((0.0, 1e-4, 1e-3, 1e-2))  # of the squared weights; validation chooses


class Spectrum(nn.Module):
    """Images to standardised log spectra to logits."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3, size, size))
        self.register_buffer("deviation", torch.ones(3, size, size))
        self.linear = nn.Linear(3 * size * size, classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        features = (log_spectrum(images) - self.mean) / self.deviation
        logits: Tensor = self.linear(features.flatten(1))
        return logits


class DctLinear(NetworkAttributor[DctSettings]):
    """Frank's linear classifier."""

    name = "dct"
    presets: ClassVar[Mapping[str, DctSettings]] = {
        LITE: DctSettings(),
        PAPER: DctSettings(steps=50_000, batch=1024, penalties=(0.0, 1e-4, 1e-3, 1e-2, 1e-1)),
    }
    network: Spectrum

    def build(self) -> Spectrum:
        """All zeros: the problem is convex."""
        return Spectrum(len(self.classes), self.size)

    def fit(self, lessons: Lessons, course: Course) -> Facts:
        """Train with every penalty, and keep what has the least cross-entropy on the validation images."""
        self.to(course.device)
        moments, found = _moments(lessons.train, course.device), []
        for place, penalty in enumerate(self.settings.penalties):
            self.begin(course.seed)
            network = self.network
            network.mean, network.deviation = moments
            self._train(network, penalty, lessons.train, course, f"training-{place}")
            found.append((validation_loss(network, lessons.validation, course.device), penalty, network))
        loss, penalty, self.network = min(found, key=lambda each: each[0])
        return {"penalty": penalty, "validation_loss": loss}

    def _train(self, network: Spectrum, penalty: float, train: Examples, course: Course, name: str) -> None:
        chosen, order = self.settings, Order(len(train), self.settings.batch, course.seed, "dct-order")

        def loss(step: int) -> Tensor:
            images, labels = train.batch(order[step], course.device)
            return F.cross_entropy(network(images), labels) + penalty * network.linear.weight.square().sum()

        adam = torch.optim.Adam(network.linear.parameters(), lr=chosen.rate)
        descent = Descent(network, adam, loss, lambda step: chosen.rate * (1 - step / chosen.steps))
        go_on(descent, chosen.steps, course, name)


def log_spectrum(images: Tensor) -> Tensor:
    """Log |c| of the orthonormal two-dimensional DCT-II of each channel."""
    basis = dct_basis(images.shape[-1]).to(images)
    return torch.log((basis @ images @ basis.T).abs() + FLOOR)


def dct_basis(side: int) -> Tensor:
    """The orthonormal DCT-II of a signal as a matrix."""
    index = torch.arange(side, dtype=torch.float64)
    basis = torch.cos(math.pi * (2 * index[None] + 1) * index[:, None] / (2 * side)) * math.sqrt(2 / side)
    basis[0] /= math.sqrt(2)
    return basis


@torch.no_grad()
def _moments(train: Examples, device: str) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each coefficient over the training images."""
    sums = torch.zeros(2, 3, *train.pixels.shape[1:3], dtype=torch.float64, device=device)
    for images, _ in train.batches(BATCH, device):
        features = log_spectrum(images).double()
        sums += torch.stack([features.sum(dim=0), features.square().sum(dim=0)])
    mean, square = sums / len(train)
    return mean.float(), (square - mean.square()).clamp(min=0).sqrt().clamp(min=FLAT).float()


@torch.no_grad()
def validation_loss(network: nn.Module, examples: Examples, device: str) -> float:
    """The mean cross-entropy."""
    batches = examples.batches(BATCH, device)
    losses = [F.cross_entropy(network(images), labels, reduction="sum") for images, labels in batches]
    return float(torch.stack(losses).sum() / len(examples))
