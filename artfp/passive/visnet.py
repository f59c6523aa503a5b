"""`visnet`: fingerprints that can be looked at; an auto-encoder leaves out of an image what tells its source.

    image x in [-1, 1] --`Encoder`--> 4 x 4 -> 3 x 3, 3 x 3 --[nearest x 2, 3 x 3, 3 x 3] ...--> 3 x 3, tanh --> R(x)
    x - R(x): the fingerprint of the image --correlation with the fingerprint of each class, a template--> logits

Yu, Davis, Fritz, ICCV 2019 (arXiv 1811.08180), section on visualisation. Loss: 20 |x - R(x)| + 0.1 adversarial + cross-
entropy, the adversarial part a Wasserstein game for R(x) to pass for an image. Correlations are inner products over the
square root of the number of values, as in the authors' program, and not normalised: those of the paper's text could
not leave [-1, 1], nor the cross-entropy come near 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from artfp.devices import fast_arithmetic
from artfp.files import atomic_open
from artfp.generators.equalised import Convolution, active
from artfp.generators.losses import WASSERSTEIN
from artfp.generators.progan import ProganDiscriminator
from artfp.images import LoadedImage, encode_png, to_pixels
from artfp.passive.attnet import BETAS, Encoder, Shown, signed, widths_of
from artfp.passive.base import LITE, PAPER, Course, Facts, NetworkAttributor
from artfp.passive.classes import Lessons
from artfp.passive.learning import Learner, Losses, go_on
from artfp.recipe import setting
from artfp.seeds import derive_seed

PENALTY = 10.0  # of the discriminator's gradients (Gulrajani et al. 2017)
PICTURE = "fingerprints.png"  # the templates, from left to right in the order of the classes
SHOWN_AT = 0.25  # root mean square of a template as a picture, about the middle grey


@dataclass(frozen=True)
class VisnetSettings:
    """What determines the networks beside the images."""

    width: int = setting(8, low=1, high=1024)  # channels at 64 pixels, doubled at every halving ...
    most: int = setting(128, low=1, high=4096)  # ... up to this
    reconstruction: float = setting(20.0, low=0, high=1e6)
    adversarial: float = setting(0.1, low=0, high=1e6)
    steps: int = setting(2000, low=1)
    batch: int = setting(32, low=2, high=4096)
    rate: float = setting(3e-3, low=1e-7, high=1)


class Decoder(nn.Module):
    """Features of 4 pixels to images in [-1, 1]."""

    def __init__(self, size: int, width: int, most: int) -> None:
        super().__init__()
        widths = widths_of(size, width, most)
        inputs = [widths[0], *widths[:-1]]
        self.first = nn.ModuleList(Convolution(a, b, 3) for a, b in zip(inputs, widths, strict=True))
        self.second = nn.ModuleList(Convolution(width, width, 3) for width in widths)
        self.colours = Convolution(widths[-1], 3, 3)

    def forward(self, hidden: Tensor) -> Tensor:
        """Two convolutions at each side, the smallest included."""
        for place, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            hidden = F.interpolate(hidden, scale_factor=2.0) if place else hidden
            hidden = active(second(active(first(hidden))))
        return torch.tanh(self.colours(hidden))


class Templates(nn.Module):
    """A fingerprint for each class, with an equalised learning rate as all layers have."""

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, 3, size, size))

    def forward(self, fingerprints: Tensor) -> Tensor:
        """N x classes: the inner product of each with each, over the square root of the number of values."""
        templates = self.weight.flatten(1)
        return fingerprints.flatten(1) @ templates.T / templates.shape[1] ** 0.5


class VisualisationNetwork(nn.Module):
    """Images of the convention to logits."""

    def __init__(self, settings: VisnetSettings, classes: int, size: int) -> None:
        super().__init__()
        self.encoder = Encoder(size, settings.width, settings.most)
        self.decoder = Decoder(size, settings.width, settings.most)
        self.templates = Templates(classes, size)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images in [-1, 1] without what tells their source."""
        reconstructed: Tensor = self.decoder(self.encoder(images))
        return reconstructed

    def fingerprints(self, images: Tensor) -> Tensor:
        """What the auto-encoder leaves out of images of the convention."""
        return signed(images) - self.reconstruct(signed(images)).float()

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.templates(self.fingerprints(images))
        return logits


class Visnet(NetworkAttributor[VisnetSettings]):
    """The fingerprint visualisation network."""

    name = "visnet"
    presets: ClassVar[Mapping[str, VisnetSettings]] = {
        LITE: VisnetSettings(),
        PAPER: VisnetSettings(width=32, most=512, steps=781_250, rate=1e-3),  # 25 million images
    }
    network: VisualisationNetwork

    def build(self) -> VisualisationNetwork:
        """At a random start."""
        return VisualisationNetwork(self.settings, len(self.classes), self.size)

    def fit(self, lessons: Lessons, course: Course) -> Facts:
        """Train for all steps and keep the end: there is nothing to choose. Templates are drawn in the folder."""
        self.to(course.device)
        self.begin(course.seed)
        shown = Shown(lessons.train, self.settings.batch, course)
        go_on(VisnetLearner(self.network, self.settings, shown, course), self.settings.steps, course, "training")
        if course.folder:
            write_fingerprints(course.folder / PICTURE, self.network.templates.weight)
        return {}


class VisnetLearner(Learner):
    """The auto-encoder with its templates, and the discriminator that its reconstructions play against."""

    def __init__(self, network: VisualisationNetwork, settings: VisnetSettings, shown: Shown, course: Course) -> None:
        self.network, self.settings, self.shown, self.course = network, settings, shown, course
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(course.seed, "visnet-discriminator"))
            size = shown.train.pixels.shape[1]
            width = widths_of(size, settings.width, settings.most)[-1]
            self.discriminator = ProganDiscriminator(size, 2 * width, settings.most).to(course.device)
        self.adams = {
            name: optim.Adam(player.parameters(), lr=settings.rate, betas=BETAS)
            for name, player in self.networks().items()
        }

    def learn(self, step: int) -> Losses:
        """The discriminator first, then the network."""
        images, labels = self.shown[step]
        with torch.no_grad():
            reconstructed = self._reconstruct(images)
        judged = self._judged(signed(images), reconstructed, step)
        self._step("discriminator", judged)
        parts = self._parts(images, labels)
        self._step("network", torch.stack(list(parts.values())).sum())
        return {name: part.item() for name, part in {**parts, "judged": judged}.items()}

    def _reconstruct(self, images: Tensor) -> Tensor:
        with fast_arithmetic(self.course.device):
            return self.network.reconstruct(signed(images)).float()

    def _judged(self, real: Tensor, fake: Tensor, step: int) -> Tensor:
        """What the discriminator loses."""
        random = torch.Generator().manual_seed(derive_seed(self.course.seed, "visnet-penalty", step))
        uniform = torch.rand(len(real), generator=random).to(real.device)
        with fast_arithmetic(self.course.device):
            loss = WASSERSTEIN.discriminator(self.discriminator(real), self.discriminator(fake))
            penalty = WASSERSTEIN.penalties(self.discriminator, real, fake, uniform)["gp"]
        return loss + PENALTY * penalty

    def _parts(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The weighted parts of what the network loses."""
        reconstructed = self._reconstruct(images)
        fingerprints = signed(images) - reconstructed
        with fast_arithmetic(self.course.device):
            scores = self.discriminator(reconstructed)
        return {
            "cross_entropy": F.cross_entropy(self.network.templates(fingerprints), labels),
            "reconstruction": self.settings.reconstruction * fingerprints.abs().mean(),
            "adversarial": self.settings.adversarial * WASSERSTEIN.generator(scores, scores).float(),
        }

    def _step(self, name: str, loss: Tensor) -> None:
        self.adams[name].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.adams[name].step()

    def networks(self) -> Mapping[str, nn.Module]:
        """Both players."""
        return {"network": self.network, "discriminator": self.discriminator}

    def optimizers(self) -> Mapping[str, optim.Optimizer]:
        """An optimizer for each."""
        return self.adams


def write_fingerprints(path: Path, fingerprints: Tensor) -> None:
    """Fingerprints N x 3 x S x S in a row as one PNG; each about grey, and as strong as the others."""
    scale = SHOWN_AT / fingerprints.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=1e-9)
    row = np.concatenate(list(to_pixels(0.5 + scale * fingerprints.detach())), axis=1)
    with atomic_open(path, durable=False) as stream:
        stream.write(encode_png(LoadedImage(row)))
