"""`harness`: the same training for many backbones, two tasks and two objectives, to see which of them generalise.

    image --resized--> backbone --> features --linear--> logits --> cross-entropy
                                       '--two layers--> supervised contrastive loss, where that is the objective

Baxavanakis, Schinas, Papadopoulos 2025 (arXiv 2505.21520): five backbones x {binary, multi-class} x {cross-entropy,
contrastive}; `lite` has three widths of a small ResNet for the backbones. The task is no setting: it is which classes
there are (`as_task`). Backbones begin at random, for nothing is downloaded, and how long they are trained, in which
batches and at which rates, is this project's choice in both presets. The last weights count: nothing is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import cos, pi
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import logsumexp
from torch import Tensor, nn

from artfp.errors import UsageError
from artfp.images import resize
from artfp.passive.backbones import BACKBONES, PUBLISHED, SMALL, backbone
from artfp.passive.base import LITE, OWN, PAPER, Course, Facts, NetworkAttributor, drawing
from artfp.passive.classes import ClassSource, Lessons
from artfp.passive.contrastive import BalancedOrder, projection, supervised_contrastive
from artfp.passive.learning import Descent, go_on
from artfp.recipe import setting
from artfp.statistics.exact import Floats

CROSS_ENTROPY, CONTRASTIVE = OBJECTIVES = ("cross-entropy", "contrastive")
BINARY, MULTI_CLASS = TASKS = ("binary", "multi-class")
GENERATED = "generated"  # the class of all that is not real, where the task is binary


@dataclass(frozen=True)
class HarnessSettings:
    """What determines the network beside the images; the widths take 2, 5 and 15 minutes of one core at 64 px."""

    backbone: str = setting("small-32", choices=BACKBONES)
    objective: str = setting(CROSS_ENTROPY, choices=OBJECTIVES)
    side: int | None = setting(None, low=32, high=1024, multiple=32)  # to which images are resized; none: as they are
    steps: int = setting(2000, low=1)
    batch: int = setting(32, low=2)  # images, of all classes alike
    rate: float = setting(1e-3, low=1e-7, high=1)  # falls to nothing along half a cosine
    weight_decay: float = setting(1e-4, low=0, high=1)
    temperature: float = setting(0.07, low=1e-3, high=10)


class Harness(NetworkAttributor[HarnessSettings]):
    """A backbone and a linear layer."""

    name = "harness"
    presets: ClassVar[Mapping[str, HarnessSettings]] = {
        LITE: HarnessSettings(),
        PAPER: HarnessSettings("resnet-50", side=224, steps=20_000, batch=64, rate=1e-4, weight_decay=1e-2),
    }
    network: Classifier

    @property
    def preset(self) -> str:
        """Of a preset's variants: its name and theirs."""
        named = {settings: name for preset in self.presets for name, settings in variants(preset).items()}
        own = super().preset
        return named.get(self.settings, own) if own == OWN else own

    def build(self) -> Classifier:
        """With a projection, where features are contrasted."""
        return Classifier(len(self.classes), self.size, self.settings)

    def fit(self, lessons: Lessons, course: Course) -> Facts:
        """Go down the loss of batches in which all classes are alike."""
        self.to(course.device)
        self.begin(course.seed)
        chosen, network = self.settings, self.network
        order = BalancedOrder(lessons.train.labels, chosen.batch, course.seed, "harness-order")

        def loss(step: int) -> Tensor:
            images, labels = lessons.train.batch(order[step], course.device)
            with drawing(course.seed, "harness-dropped", step):
                return network.loss(images, labels)

        adam = torch.optim.AdamW(network.parameters(), lr=chosen.rate, weight_decay=chosen.weight_decay)
        descent = Descent(network, adam, loss, lambda step: chosen.rate * (1 + cos(pi * step / chosen.steps)) / 2)
        go_on(descent, chosen.steps, course, "training")
        return {"parameters": sum(each.numel() for each in network.parameters())}


class Classifier(nn.Module):
    """Images to logits; and its loss."""

    def __init__(self, classes: int, size: int, settings: HarnessSettings) -> None:
        super().__init__()
        self.side, self.temperature = settings.side or size, settings.temperature
        self.backbone, width = backbone(settings.backbone, self.side)
        self.head = nn.Linear(width, classes)
        self.projection = projection(width) if settings.objective == CONTRASTIVE else None

    def features(self, images: Tensor) -> Tensor:
        """What the backbone sees."""
        seen: Tensor = self.backbone(2 * resize(images, (self.side, self.side)) - 1)
        return seen

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.features(images))
        return logits

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, and where features are contrasted that of the contrast, with the same weight."""
        features = self.features(images)
        named = F.cross_entropy(self.head(features), labels)
        if self.projection is None:
            return named
        return named + supervised_contrastive(self.projection(features), labels, self.temperature)


def variants(preset: str) -> dict[str, HarnessSettings]:
    """Every backbone of a preset with every objective, by name."""
    settings, names = Harness.presets[preset], SMALL if preset == LITE else PUBLISHED
    return {
        f"{preset} {name} {objective}": replace(settings, backbone=name, objective=objective)
        for name, objective in product(names, OBJECTIVES)
    }


def as_task(sources: Iterable[ClassSource], task: str, real: str) -> list[ClassSource]:
    """The classes as they are, or, where the task is binary, all but the real one as a single class."""
    given = list(sources)
    if task not in TASKS:
        raise UsageError(f"no task {task!r}: there are {', '.join(TASKS)}")
    if real not in {source.name for source in given}:
        raise UsageError(f"no class is called {real!r}: which one is real?")
    if task == MULTI_CLASS:
        return given
    return [source if source.name == real else ClassSource(GENERATED, source.path) for source in given]


def generated_margin(logits: Floats, real: int) -> Floats:
    """How much surer a multi-class system is of all generators together than of the real class: log-odds.

    So it can be asked what a binary one is: of two classes this is the difference of the logits.
    """
    margins: Floats = logsumexp(np.delete(logits, real, axis=1), axis=1) - logits[:, real]
    return margins
