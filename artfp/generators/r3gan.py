"""`r3gan`: residual blocks without normalisation, the modern baseline of GANs.

    noise, condition -> dense -> basis of 4 x 4 -> [blocks, 1 x 1, bilinear x 2] ... -> blocks -> 1 x 1 -> image
    image -> 1 x 1 -> [blocks, bilinear / 2, 1 x 1] ... -> blocks -> basis of 4 x 4 -> dense -> one number

R3GAN (Huang, Gokaslan, Kuleshov, Tompkin, NeurIPS 2024, arXiv 2501.05441), its last step, Config E. What it plays for
is RELATIVISTIC, the game that every adversarial learner plays unless it says otherwise. The main path is linear: all
that bends is inside the blocks, which start as the identity.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import gcd
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.generators.adversarial import AdversarialLearner
from artfp.generators.base import Generator, Learner, Shape
from artfp.generators.dcgan import SLOPE, START, channels_at
from artfp.generators.layers import Projection
from artfp.generators.settings import GanRecipe

BLOCKS = 2  # on every scale
EXPANSION = 2  # of a block's inner channels: an inverted bottleneck
GROUP = 16  # inner channels that a 3 x 3 convolution mixes, on a GPU
BENT = nn.init.calculate_gain("leaky_relu", SLOPE)  # sqrt(2 / (1 + SLOPE^2)), see `scaled`

Weighted = TypeVar("Weighted", nn.Conv2d, nn.Linear)


class R3ganGenerator(Generator):
    """Noise to images in opponent colours."""

    def __init__(self, size: int, latent: int, width: int, most: int, conditions: int = 0, groups: int = 1) -> None:
        super().__init__()
        self.size, self.latent, self.width, self.most = size, latent, width, most
        self.conditions, self.groups = conditions, groups
        self.noise_shape = (latent,)
        channels = channels_at(size, width, most)
        self.embed = nn.Linear(conditions, latent, bias=False) if conditions else None
        self.dense = scaled(nn.Linear(latent * (2 if conditions else 1), channels[0], bias=False))
        self.basis = nn.Parameter(torch.randn(channels[0], START, START))
        self.trunk = trunk(channels, most, groups, upwards)
        self.out = scaled(nn.Conv2d(channels[-1], 3, 1, bias=False))
        if self.embed is not None:
            nn.init.normal_(self.embed.weight)  # a class says as much as the noise

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images not clamped to those that exist."""
        told = noise if self.embed is None else torch.cat([noise, self.embed(condition)], dim=1)
        hidden = self.dense(told)[:, :, None, None] * self.basis
        return self.out(self.trunk(hidden.contiguous(memory_format=torch.channels_last)))

    @property
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments: the groups among them, since weights of a GPU also have to work elsewhere."""
        names = ("size", "latent", "width", "most", "conditions", "groups")
        return {name: getattr(self, name) for name in names}


class R3ganDiscriminator(nn.Module):
    """Images in opponent colours to one number each, higher on real images; `width` is that at half size."""

    def __init__(self, size: int, width: int, most: int, conditions: int = 0, groups: int = 1) -> None:
        super().__init__()
        channels = [width // 2, *channels_at(size // 2, width, most)[::-1]]
        self.first = scaled(nn.Conv2d(3, channels[0], 1, bias=False))
        self.trunk = trunk(channels, most, groups, downwards)
        self.basis = nn.Parameter(torch.randn(channels[-1], START, START) / START)
        self.out = scaled(nn.Linear(channels[-1], 1, bias=False))
        self.told = Projection(conditions, channels[-1]) if conditions else None

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """One number for each image; the basis is a depthwise 4 x 4 convolution, written as what it comes to."""
        hidden = (self.trunk(self.first(images)) * self.basis).sum(dim=(2, 3))
        score: Tensor = self.out(hidden).squeeze(1)
        return score if self.told is None else score + self.told(hidden, condition)


class Block(nn.Module):
    """x + f(x), where f widens by 1 x 1, mixes by 3 x 3 in groups, narrows by 1 x 1, and starts as zero.

    As the paper says under Config D, after Fixup (Zhang, Dauphin, Ma, ICLR 2019, section 3; neither numbers it): the
    last of m layers starts at zero, the others are scaled by L^(-1 / (2m - 2)), L blocks being in the network; m = 3.
    """

    def __init__(self, channels: int, groups: int, blocks: int) -> None:
        super().__init__()
        inner, gain = EXPANSION * channels, BENT * blocks ** (-1 / 4)
        self.widen = scaled(nn.Conv2d(channels, inner, 1), gain)
        self.mix = scaled(nn.Conv2d(inner, inner, 3, padding=1, groups=groups), gain)
        self.narrow = scaled(nn.Conv2d(inner, channels, 1, bias=False), 0)

    def forward(self, x: Tensor) -> Tensor:
        """As many channels and pixels as came in."""
        hidden = F.leaky_relu(self.widen(x), SLOPE)
        hidden = F.leaky_relu(self.mix(hidden), SLOPE)
        return x + self.narrow(hidden)


def trunk(channels: list[int], most: int, groups: int, change: Callable[[int, int], list[nn.Module]]) -> nn.Sequential:
    """Blocks on every scale, and between two scales what changes pixels and channels."""

    def blocks(width: int) -> list[nn.Module]:
        return [Block(width, groups_at(width, most, groups), BLOCKS * len(channels)) for _ in range(BLOCKS)]

    layers = blocks(channels[0])
    for before, after in pairwise(channels):
        layers += [*change(before, after), *blocks(after)]
    return nn.Sequential(*layers)


def upwards(before: int, after: int) -> list[nn.Module]:
    """To twice the side. Resampling and 1 x 1 convolutions commute: these go where there are fewer pixels."""
    return [*_joint(before, after), nn.Upsample(scale_factor=2.0, mode="bilinear")]


def downwards(before: int, after: int) -> list[nn.Module]:
    """To half the side, where bilinear interpolation falls in the middle of four pixels: it is their mean.

    The authors' filter is twice as wide, for less aliasing. It would also take more of a fingerprint.
    """
    return [nn.AvgPool2d(2), *_joint(before, after)]


def _joint(before: int, after: int) -> list[nn.Module]:
    return [] if before == after else [scaled(nn.Conv2d(before, after, 1, bias=False))]


def groups_at(channels: int, most: int, groups: int) -> int:
    """How many groups a block of so many channels has: in proportion, or the nearest fewer that divide them.

    So all groups are equally wide, as in the paper, and 1 means plain convolutions everywhere.
    """
    return gcd(EXPANSION * channels, max(1, groups * channels // most))


def scaled(layer: Weighted, gain: float = 1.0) -> Weighted:
    """The layer with weights of variance gain^2 / inputs, its bias at zero.

    Equation (15) of He et al. 2015: a gain of BENT keeps the variance through a leaky unit, 1 where nothing bends.
    """
    nn.init.normal_(layer.weight, std=gain / layer.weight[0].numel() ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """Grouped convolutions on a GPU; plain ones on a CPU, where the second derivatives of groups take ages (FACTS).

    A training therefore goes on only on the kind of device where it began. What it made runs anywhere.
    """

    def groups(most: int) -> int:
        return 1 if device == "cpu" else max(1, EXPANSION * most // GROUP)

    width, most = recipe.generator_width, recipe.generator_most
    generator = R3ganGenerator(shape.size, recipe.latent, width, most, shape.conditions, groups(most))
    width, most = recipe.discriminator_width, recipe.discriminator_most
    discriminator = R3ganDiscriminator(shape.size, width, most, shape.conditions, groups(most))
    return AdversarialLearner(recipe, generator, discriminator, device)
