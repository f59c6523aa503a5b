"""`progan`: networks that grow while they learn (Karras et al., ICLR 2018, arXiv 1710.10196).

    noise -> dense -> 4 x 4, 3 x 3 -> [nearest x 2, 3 x 3, 3 x 3] ...   every feature vector to unit mean square
                          |                      |
                     to colours  -- x 2 --> (1 - alpha) .. + alpha to colours -- nearest --> image of full size

    image --+-- mean --> side -----> 1 x 1 -> [3 x 3, 3 x 3, mean] --> alpha .. + (1 - alpha) .. --> ... `Judge`
            +-- mean --> side / 2 -> 1 x 1 ----------------------------------------^

Images are of full size between the two networks, however small the side painted (the authors' program does the same):
sampling, averages and penalties need not know of growth. A gradient's norm at full size is side / size of that at the
side painted, so the bound on it stands for one and the same distance between images at all stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.errors import UsageError
from artfp.generators.adversarial import AdversarialLearner, players
from artfp.generators.base import Generator, Learner, Shape
from artfp.generators.dcgan import START, channels_at
from artfp.generators.equalised import Convolution, Dense, Judge, active, check_groups
from artfp.generators.layers import PixelNorm
from artfp.generators.losses import WASSERSTEIN
from artfp.generators.settings import GanRecipe

GROWN = 0.6  # of all images shown, the networks have their full size


def stage(shown: int, images: int, size: int) -> tuple[int, float]:
    """The side painted after `shown` of `images` images, and how far it has faded in.

    4, 8 ... `size` have equal shares of the first GROWN of the images; all but the first fade in over the first half
    of theirs, linearly, and settle over the second (section 2 and appendix A.1: 800k images for each half).
    """
    sides = (size // START).bit_length()
    position = shown / (GROWN * images) * sides
    level = min(int(position), sides - 1)
    return START << level, min(1.0, 2 * (position - level)) if level else 1.0


class Growth(nn.Module):
    """The stage that a network is at, in its state: what is saved half grown samples as it did."""

    side: Tensor
    alpha: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("side", torch.tensor(size))
        self.register_buffer("alpha", torch.tensor(1.0))

    def set(self, side: int, alpha: float) -> None:
        """Paint `side` pixels, of which the last doubling counts `alpha`."""
        self.side.fill_(side)
        self.alpha.fill_(alpha)

    def now(self) -> tuple[int, float]:
        """How many doublings of START are painted, and what the last one counts."""
        return (int(self.side) // START).bit_length() - 1, float(self.alpha)


class Grown(nn.Module):
    """A stage for good."""

    def __init__(self, level: int, alpha: float) -> None:
        super().__init__()
        self.stage = level, alpha

    def now(self) -> tuple[int, float]:
        """The same at any time."""
        return self.stage


class Doubling(nn.Module):
    """[nearest x 2] -> 3 x 3 -> 3 x 3, normalised after each."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList([Convolution(inputs, outputs, 3), Convolution(outputs, outputs, 3)])
        self.normalise = PixelNorm()

    def forward(self, x: Tensor) -> Tensor:
        """Features of twice the side."""
        x = F.interpolate(x, scale_factor=2.0)
        for convolution in self.convolutions:
            x = self.normalise(active(convolution(x)))
        return x


class ProganGenerator(Generator):
    """Noise to images in opponent colours."""

    def __init__(self, size: int, latent: int, width: int, most: int, conditions: int = 0) -> None:
        super().__init__()
        self.size, self.latent, self.width, self.most, self.conditions = size, latent, width, most, conditions
        self.noise_shape = (latent,)
        channels = channels_at(size, width, most)
        self.growth = Growth(size)
        self.normalise = PixelNorm()
        self.dense = Dense(latent + conditions, channels[0] * START**2)
        self.first = Convolution(channels[0], channels[0], 3)
        self.doublings = nn.ModuleList(Doubling(a, b) for a, b in pairwise(channels))
        self.colours = nn.ModuleList(Convolution(a, 3, 1) for a in channels)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of full size, not clamped to those that exist (figure 2 fades them in)."""
        level, alpha = self.growth.now()
        features = [self._begin(noise, condition)]
        for doubling in self.doublings[:level]:
            features.append(doubling(features[-1]))
        image: Tensor = self.colours[level](features[level])
        if alpha < 1:
            before = self.colours[level - 1](features[level - 1])
            image = torch.lerp(F.interpolate(before, scale_factor=2.0), image, alpha)
        return F.interpolate(image, size=self.size)

    def settle(self) -> None:
        """Stay at the present stage."""
        self.growth = Grown(*self.growth.now())  # type: ignore[assignment]

    def _begin(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        """Features of START pixels; even the noise is normalised (appendix A.1)."""
        told = self.normalise(noise) if condition is None else torch.cat([self.normalise(noise), condition], dim=1)
        hidden = self.dense(told).view(noise.shape[0], -1, START, START).contiguous(memory_format=torch.channels_last)
        return self.normalise(active(self.first(self.normalise(active(hidden)))))

    @property
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("size", "latent", "width", "most", "conditions")
        return {name: getattr(self, name) for name in names}


class Halving(nn.Module):
    """3 x 3 -> 3 x 3 -> means of 2 x 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Convolution(inputs, inputs, 3)
        self.second = Convolution(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Features of half the side."""
        return F.avg_pool2d(active(self.second(active(self.first(x)))), 2)


class ProganDiscriminator(nn.Module):
    """Images of full size in opponent colours to one number each; `width` channels at half size."""

    def __init__(self, size: int, width: int, most: int, conditions: int = 0) -> None:
        super().__init__()
        channels = channels_at(size, width // 2, most)
        self.growth = Growth(size)
        self.colours = nn.ModuleList(Convolution(3, a, 1) for a in channels)
        self.halvings = nn.ModuleList(Halving(b, a) for a, b in pairwise(channels))
        self.judge = Judge(channels[0], conditions)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """One number for each image, higher on real ones."""
        level, alpha = self.growth.now()
        hidden = self._read(images, level)
        for at in reversed(range(level)):
            hidden = self.halvings[at](hidden)
            if at == level - 1 and alpha < 1:
                hidden = torch.lerp(self._read(images, at), hidden, alpha)
        score: Tensor = self.judge(hidden, condition)
        return score

    def _read(self, images: Tensor, level: int) -> Tensor:
        """Features of the images at this level's side."""
        return active(self.colours[level](shrunk(images, START << level)))


class ProganLearner(AdversarialLearner):
    """The Wasserstein game between networks that grow together."""

    game = WASSERSTEIN
    generator: ProganGenerator
    averaged: ProganGenerator
    discriminator: ProganDiscriminator

    def prepare(self, shown: int) -> None:
        """Grow, unless the networks are those of another training: they have grown there."""
        grown = self.generator.size, 1.0
        side, alpha = grown if self.recipe.start else stage(shown, self.recipe.images, self.generator.size)
        for network in (self.generator, self.averaged, self.discriminator):
            network.growth.set(side, alpha)

    def check(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Refuse to begin with networks that are still growing: here they would stand at full size from the start."""
        super().check(weights, path)
        if self.recipe.start is None or not weights:
            return
        side, alpha = (weights[f"generator/growth.{name}"].item() for name in ("side", "alpha"))
        if (side, alpha) != (self.generator.size, 1.0):
            raise UsageError(
                f"{path}: its networks are still growing, at {side} of {self.generator.size} px: "
                "finish their training first, or begin without them"
            )

    def visible(self, real: Tensor) -> Tensor:
        """Real images with as much detail as the generator can paint now, fading in likewise (section 2)."""
        level, alpha = self.generator.growth.now()
        fine = shrunk(real, START << level)
        if alpha < 1:
            fine = torch.lerp(F.interpolate(shrunk(fine, START << level - 1), scale_factor=2.0), fine, alpha)
        return F.interpolate(fine, size=self.generator.size)


def shrunk(images: Tensor, side: int) -> Tensor:
    """Images of `side` pixels, by means over squares."""
    return F.avg_pool2d(images, images.shape[-1] // side)


def learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """Both networks at their start."""
    check_groups(recipe)
    return ProganLearner(recipe, *players(recipe, shape, ProganGenerator, ProganDiscriminator), device)
