"""Two to three classes of tiny images that anything tells apart, and systems small enough for a test."""

from __future__ import annotations

from typing import Any

import numpy as np

from artfp.data.procedural import generate
from artfp.passive.attnet import AttnetSettings
from artfp.passive.base import Attributor
from artfp.passive.classes import Examples
from artfp.passive.dct_linear import DctSettings
from artfp.passive.dnadet import DnaDetSettings
from artfp.passive.harness import CONTRASTIVE, HarnessSettings
from artfp.passive.registry import SYSTEMS
from artfp.passive.residual import ResidualSettings
from artfp.passive.visnet import VisnetSettings

SIZE = 16
NAMES = ("ant", "bee", "cat")

# Settings with which a system is trained in a second. Every registered system has a line here.
TINY: dict[str, Any] = {
    "residual": ResidualSettings(),
    "dct": DctSettings(steps=30, batch=16, rate=1e-2, penalties=(0.0, 1e-3)),
    "dnadet": DnaDetSettings(
        width=8,
        enlarged=1,
        patch=16,
        patches=2,
        every=17,
        pretraining_steps=8,
        pretraining_batch=8,
        steps=70,
        batch=12,
        rate=5e-3,
        decay_every=20,
    ),
    "harness": HarnessSettings("small-16", CONTRASTIVE, steps=25, batch=12, rate=5e-3),
    "attnet": AttnetSettings(width=2, most=32, features=64, steps=80, rate=2e-2),
    "visnet": VisnetSettings(width=1, most=8, steps=40, batch=16, rate=0.1),
}


def tiny(name: str, classes: tuple[str, ...] = NAMES, size: int = SIZE) -> Attributor[Any]:
    """A system of tiny settings at its start."""
    return SYSTEMS[name](TINY[name], classes, size)


def patterned(count: int, seed: int, classes: int = len(NAMES), size: int = SIZE) -> Examples:
    """Painted images, to each class of which another faint noise of its own is added."""
    patterns = np.random.default_rng(0).normal(0, 12, (classes, size, size, 3))
    images = np.stack(list(generate("photo-like", count * classes, size, seed))).astype(np.float64)
    labels = np.arange(count * classes) % classes
    pixels = np.clip(np.rint(images + patterns[labels]), 0, 255).astype(np.uint8)
    return Examples(pixels, labels, tuple(map(str, range(len(labels)))))
