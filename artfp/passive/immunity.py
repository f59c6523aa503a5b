"""Immunisation: a trained network learns on from images that were attacked, and is harder to lose.

    training images --an attack, drawn anew for each image and step--> network of any system --cross-entropy--> network

Yu, Davis, Fritz, ICCV 2019 (arXiv 1811.08180), section on attacks: noise, blur, crops, JPEG and relighting, each alone,
and their combination. Whoever immunises knows the kind of attack and the range of its strength, not what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from artfp.devices import fast_arithmetic
from artfp.errors import UsageError
from artfp.generators.dataset import Order
from artfp.images import round_to_8_bits, to_pixels, to_tensor
from artfp.passive.attnet import BETAS
from artfp.passive.base import Attributor, Course, NetworkAttributor
from artfp.passive.classes import Examples, Lessons
from artfp.passive.learning import Descent, go_on
from artfp.perturb.image import PERTURBATIONS
from artfp.recipe import setting
from artfp.seeds import derive_seed, numpy_generator

PUBLISHED_SIDE = 128  # of their images: blur is a share of the side here
KERNELS = (1, 3, 5, 7, 9)  # pixels
CHANCE = 0.5  # of each attack in the combination
COMBINED = "combined"

Draw = Callable[[np.random.Generator], float]


def blur_sigma(kernel: int) -> float:
    """The deviation, in pixels, that OpenCV gives a Gaussian of so many pixels; none for a single one."""
    return 0.3 * ((kernel - 1) / 2 - 1) + 0.8 if kernel > 1 else 0.0


# The strengths of each attack, in the units of `perturb/`, in the order in which the combination applies them: light,
# camera, file, channel.
ATTACKS: Mapping[str, Draw] = {
    "relighting": lambda random: random.uniform(0.1, 0.4),  # theirs swaps a face's estimated light: no common unit
    "crop": lambda random: random.uniform(0.80, 0.95),  # 5 to 20 % of the side are cut off
    "blur": lambda random: blur_sigma(int(random.choice(KERNELS))) / PUBLISHED_SIDE,  # kernels of 1 to 9 pixels
    "jpeg": lambda random: float(random.integers(10, 75, endpoint=True)),  # quality
    "noise": lambda random: random.uniform(5, 20) / 255,  # deviation in steps of 255
}
KINDS = (*ATTACKS, COMBINED)


@dataclass(frozen=True)
class Immunisation:
    """What determines it beside the system and the images."""

    kind: str = setting(COMBINED, choices=KINDS)
    steps: int = setting(1500, low=1)
    batch: int = setting(32, low=2, high=4096)
    rate: float = setting(1e-3, low=1e-7, high=1)  # at the beginning; it falls to nothing, in a straight line


def network_of(system: Attributor[Any]) -> nn.Module:
    """What can be immunised of a system."""
    if not isinstance(system, NetworkAttributor):
        raise UsageError(f"{system.name} has no network that could learn from attacked images")
    return system.network


def immunise(system: Attributor[Any], immunisation: Immunisation, lessons: Lessons, course: Course) -> None:
    """Train the system's network on from where it is, on attacked training images; everything it has learns.

    The same course with the same lessons gives the same system, also after a stop: `fit`, then `immunise`.
    """
    network, train, chosen = network_of(system), lessons.train, immunisation
    system.immune = chosen.kind
    order = Order(len(train), chosen.batch, course.seed, "immunity-order")

    def loss(step: int) -> Tensor:
        indices = order[step]
        images, labels = train.batch(indices, "cpu")
        seeds = [derive_seed(course.seed, "immunity", step, place) for place in range(len(indices))]
        seen = attacked(images, chosen.kind, seeds).to(course.device)
        with fast_arithmetic(course.device):
            logits = network(seen)
        return F.cross_entropy(logits.float(), labels.to(course.device))

    adam = optim.Adam(network.parameters(), lr=chosen.rate, betas=BETAS)
    descent = Descent(network, adam, loss, lambda step: chosen.rate * (1 - step / chosen.steps))
    go_on(descent, chosen.steps, course, f"immunity-{chosen.kind}")


def attacked(images: Tensor, kind: str, seeds: Sequence[int]) -> Tensor:
    """The images after an attack, each with a strength and draws of its own seed, as 8-bit files keep them."""
    found = [_attacked(image, kind, seed) for image, seed in zip(images[:, None], seeds, strict=True)]
    return round_to_8_bits(torch.cat(found))


def _attacked(image: Tensor, kind: str, seed: int) -> Tensor:
    random = numpy_generator("immunity", kind, seed)
    for name, draw in ATTACKS.items():
        if kind == name or (kind == COMBINED and random.random() < CHANCE):
            image = PERTURBATIONS[name](image, draw(random), random)
    return image


def attacked_examples(examples: Examples, kind: str, seed: int) -> Examples:
    """All images of a test, each attacked once: what a system is measured on, immunised or not."""
    seeds = [derive_seed(seed, "immunity-test", place) for place in range(len(examples))]
    changed = [
        to_pixels(attacked(to_tensor(pixels), kind, [drawn]))
        for pixels, drawn in zip(examples.pixels, seeds, strict=True)
    ]
    return Examples(np.concatenate(changed), examples.labels, examples.names)
