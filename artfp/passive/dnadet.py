"""`dnadet`: the architecture that made an image, from patches that are too small to show what it is a picture of.

    image --which of 170 transformations (`transformations.py`) has it seen?--> stages that know low-level traces
    image --enlarged--> random patches --[4 x 4, stride 2; 3 x 3] x 4--> features --linear--> cross-entropy
                                                                          '--two layers--> supervised contrastive loss
    image --enlarged--> a fixed grid of patches --> logits --mean--> scores

Yang, Huang, Cao, Li, Li, AAAI 2022 (arXiv 2202.13843). Unlike the authors' code, cross-entropy is taken on logits and
not on probabilities, the last weights count and not those of the best epoch, and the images that are transformed are
the classes' own training images, for there are no others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.errors import UsageError
from artfp.generators.dataset import Order
from artfp.images import resize
from artfp.passive.base import BATCH, LITE, PAPER, Course, Facts, NetworkAttributor, drawing
from artfp.passive.classes import Examples, Lessons
from artfp.passive.contrastive import BalancedOrder, projection, supervised_contrastive
from artfp.passive.learning import Descent, go_on
from artfp.passive.transformations import TRANSFORMATIONS, Transformation
from artfp.recipe import setting
from artfp.seeds import numpy_generator
from artfp.statistics.exact import Ints

STAGES = 4
SLOPE = 0.2
DROPPED = 0.2
PACE = 100.0  # how much faster than everything else the weights of the two losses learn

Batch = Callable[[int], tuple[Tensor, Tensor]]  # the images of a step and their labels


@dataclass(frozen=True)
class DnaDetSettings:
    """What determines the network beside the images; the defaults are the paper's."""

    width: int = setting(64, low=1)  # channels of the first stage; each of the others has twice those before it
    enlarged: int = setting(4, low=1)  # times, before patches are cut out
    patch: int = setting(64, low=16, multiple=16)  # their side
    patches: int = setting(16, low=1)  # of each image in a batch
    every: int = setting(1, low=1, high=len(TRANSFORMATIONS) // 2)  # of the table, one transformation in so many
    pretraining_steps: int = setting(6250, low=0)  # 50 epochs of 16,000 images
    pretraining_batch: int = setting(128, low=2)  # images
    steps: int = setting(15_000, low=1)  # 30 epochs of 16,000 images of each class
    batch: int = setting(160, low=2)  # images, of all classes alike: 32 of each of the paper's five
    rate: float = setting(1e-4, low=1e-7, high=1)
    decay: float = setting(0.9, low=0.01, high=1)  # of the rate
    decay_every: int = setting(500, low=1)  # steps
    temperature: float = setting(0.07, low=1e-3, high=10)


class PatchNetwork(nn.Module):
    """Images to logits: the mean of those of the patches of a grid that covers the image."""

    def __init__(self, classes: int, settings: DnaDetSettings) -> None:
        super().__init__()
        widths = [3, *(settings.width << place for place in range(STAGES))]
        self.enlarged, self.patch, self.width = settings.enlarged, settings.patch, widths[-1]
        self.stages = nn.Sequential(*(stage(before, after) for before, after in pairwise(widths)))
        self.head = nn.Sequential(nn.Dropout(DROPPED), nn.Linear(self.width, classes))

    def features(self, patches: Tensor) -> Tensor:
        """What the last stage sees, averaged over its places."""
        seen: Tensor = self.stages(2 * patches - 1).mean(dim=(2, 3))
        return seen

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        large, side = enlarge(images, self.enlarged), self.patch
        places = grid(large.shape[-1], side)
        logits = [self.head(self.features(large[..., y : y + side, x : x + side])) for y, x in places]
        return torch.stack(logits).mean(dim=0)


def stage(before: int, after: int) -> nn.Sequential:
    """Half as many places a side, then a look at the neighbours."""
    halved = (nn.Conv2d(before, after, 4, stride=2, padding=1), nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE))
    return nn.Sequential(*halved, nn.Conv2d(after, after, 3, padding=1), nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE))


def enlarge(images: Tensor, times: int) -> Tensor:
    """Images so many times as large."""
    return resize(images, (times * images.shape[-2], times * images.shape[-1]))


def grid(side: int, patch: int) -> list[tuple[int, int]]:
    """Corners of the fewest patches that cover a square, evenly spread."""
    count = math.ceil(side / patch)
    along = [round(place * (side - patch) / max(1, count - 1)) for place in range(count)]
    return list(product(along, along))


def random_patches(images: Tensor, side: int, count: int, random: np.random.Generator) -> Tensor:
    """So many patches of each image at places of its own, image after image."""
    corners = random.integers(images.shape[-1] - side + 1, size=(len(images), count, 2)).tolist()
    cuts = [image[:, y : y + side, x : x + side] for image, own in zip(images, corners, strict=True) for y, x in own]
    return torch.stack(cuts)


class Pupil(nn.Module):
    """A network while it is taught: with what only the losses need."""

    def __init__(self, network: PatchNetwork, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature
        self.projection = projection(network.width)
        self.spread = nn.Parameter(torch.zeros(2))

    def forward(self, patches: Tensor, labels: Tensor) -> Tensor:
        """The two losses L, weighed by learnt spreads s: L / 2 s^2 + log(1 + s^2), where s begins at 1.

        Adam moves every parameter by about its rate, so that a factor before one is a rate of its own.
        """
        features = self.network.features(patches)
        named = F.cross_entropy(self.network.head(features), labels)
        near = supervised_contrastive(self.projection(features), labels, self.temperature)
        power = (1 + PACE * self.spread).square()
        return (torch.stack([named, near]) / (2 * power) + power.log1p()).sum()


class DnaDet(NetworkAttributor[DnaDetSettings]):
    """Architecture attribution from patches."""

    name = "dnadet"
    presets: ClassVar[Mapping[str, DnaDetSettings]] = {
        LITE: DnaDetSettings(  # 8 minutes of one core at 64 pixels
            width=16,
            enlarged=2,
            patch=32,
            patches=8,
            every=5,
            pretraining_steps=1000,
            pretraining_batch=32,
            steps=3000,
            batch=32,
            rate=1e-3,
            decay_every=300,
        ),
        PAPER: DnaDetSettings(),
    }
    network: PatchNetwork

    def __init__(self, settings: DnaDetSettings, classes: Sequence[str], size: int) -> None:
        if size * settings.enlarged < settings.patch:
            told = f"images of {size} pixels, enlarged {settings.enlarged} times"
            raise UsageError(f"{self.name}: {told}, hold no patch of {settings.patch} x {settings.patch}")
        super().__init__(settings, classes, size)

    def build(self) -> PatchNetwork:
        """For the classes."""
        return PatchNetwork(len(self.classes), self.settings)

    def fit(self, lessons: Lessons, course: Course) -> Facts:
        """Learn to tell transformations apart, then, from there, classes."""
        self.to(course.device)
        self.begin(course.seed)
        facts = self._pretrain(lessons, course) if self.settings.pretraining_steps else {}
        order = BalancedOrder(lessons.train.labels, self.settings.batch, course.seed, "dnadet-order")

        def batch(step: int) -> tuple[Tensor, Tensor]:
            return lessons.train.batch(order[step], course.device)

        self._teach(self.network, batch, self.settings.steps, course, "training")
        return facts

    def _pretrain(self, lessons: Lessons, course: Course) -> Facts:
        """Stages that tell transformations apart, and how often they are right about validation images."""
        table = TRANSFORMATIONS[:: self.settings.every]
        with drawing(course.seed, "dnadet-transformations-start"):
            taught = PatchNetwork(len(table), self.settings).to(course.device)
        order = Order(len(lessons.train), self.settings.pretraining_batch, course.seed, "dnadet-pretraining-order")

        def batch(step: int) -> tuple[Tensor, Tensor]:
            random = numpy_generator(course.seed, "dnadet-transformations", step)
            return transformed(lessons.train, order[step], table, random, course.device)

        self._teach(taught, batch, self.settings.pretraining_steps, course, "pretraining")
        self.network.stages.load_state_dict(taught.stages.state_dict())
        return {"transformations": len(table), "transformations_told": told_apart(taught, lessons, table, course)}

    def _teach(self, network: PatchNetwork, batch: Batch, steps: int, course: Course, name: str) -> None:
        chosen = self.settings
        with drawing(course.seed, "dnadet-start", name):
            pupil = Pupil(network, chosen.temperature).to(course.device)

        def loss(step: int) -> Tensor:
            images, labels = batch(step)
            random = numpy_generator(course.seed, "dnadet-patches", name, step)
            patches = random_patches(enlarge(images, chosen.enlarged), chosen.patch, chosen.patches, random)
            with drawing(course.seed, "dnadet-dropped", name, step):
                total: Tensor = pupil(patches, labels.repeat_interleave(chosen.patches))
            return total

        adam = torch.optim.Adam(pupil.parameters(), lr=chosen.rate)
        descent = Descent(pupil, adam, loss, lambda step: chosen.rate * chosen.decay ** (step // chosen.decay_every))
        go_on(descent, steps, course, name)


def transformed(
    examples: Examples, indices: Ints, table: Sequence[Transformation], random: np.random.Generator, device: str
) -> tuple[Tensor, Tensor]:
    """Images, each after one transformation at random, and which."""
    images, _ = examples.batch(indices, "cpu")
    labels = random.integers(len(table), size=len(indices))
    changed = [table[label](image, random) for image, label in zip(images[:, None], labels, strict=True)]
    return torch.cat(changed).to(device), torch.from_numpy(labels).to(device)


@torch.no_grad()
def told_apart(network: PatchNetwork, lessons: Lessons, table: Sequence[Transformation], course: Course) -> float:
    """The share of right answers about validation images, at most `BATCH` of them."""
    random = numpy_generator(course.seed, "dnadet-validation")
    indices = random.permutation(len(lessons.validation))[:BATCH]
    images, labels = transformed(lessons.validation, indices, table, random, course.device)
    right: Tensor = network.eval()(images).argmax(dim=1) == labels
    return float(right.float().mean())
