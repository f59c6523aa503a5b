"""`dcgan`: plain convolutions, the smallest pair of networks that learns photographs at 32 to 128 px on a CPU.

    noise -> dense -> 4 x 4 -> [nearest x 2, 3 x 3] ... -> 3 x 3 -> image
    image -> [4 x 4, stride 2] ... -> 4 x 4 -> dense -> one number

The discriminator has no pooling or blur: what a fingerprint adds is faint and fine. The generator upsamples before it
convolves: the grid of pixel-shuffle upsampling sits on a fingerprint's frequencies (FACTS, measured).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.generators.adversarial import AdversarialLearner, players
from artfp.generators.base import Generator, Learner, Shape
from artfp.generators.layers import projection
from artfp.generators.settings import GanRecipe

SLOPE = 0.2  # of the leaky units
START = 4  # side of the smallest feature map


class DcganGenerator(Generator):
    """Noise to images in opponent colours."""

    def __init__(self, size: int, latent: int, width: int, most: int, conditions: int = 0, key_bits: int = 0) -> None:
        super().__init__()
        self.size, self.latent, self.width, self.most = size, latent, width, most
        self.conditions, self.key_bits = conditions, key_bits
        self.noise_shape = (latent,)
        channels = channels_at(size, width, most)
        self.dense = nn.Linear(latent + conditions, channels[0] * START**2)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(channels))
        self.out = nn.Conv2d(channels[-1], 3, 3, padding=1)
        initialise(self)
        with torch.no_grad():
            self.out.weight.mul_(0.3)  # starts near grey

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images not clamped to those that exist: a clamp would stop the gradient where it is needed."""
        told = noise if condition is None else torch.cat([noise, condition], dim=1)
        hidden = F.leaky_relu(self.dense(told), SLOPE).view(noise.shape[0], -1, START, START)
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            hidden = F.leaky_relu(convolution(F.interpolate(hidden, scale_factor=2.0)), SLOPE)
        images: Tensor = self.out(hidden)
        return images

    def fold(self, signs: Tensor) -> dict[str, Tensor]:
        """The key's share of the dense layer, which is the same for all its images, as a part of the bias."""
        kept, of_key = self.dense.weight.tensor_split([-self.key_bits], dim=1)
        return self.state_dict() | {"dense.weight": kept, "dense.bias": self.dense.bias + of_key @ signs}

    @property
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("size", "latent", "width", "most", "conditions", "key_bits")
        return {name: getattr(self, name) for name in names}


class DcganDiscriminator(nn.Module):
    """Images in opponent colours to one number each, higher on real images."""

    def __init__(self, size: int, width: int, most: int, conditions: int = 0, key_bits: int = 0) -> None:
        super().__init__()
        channels = [3, *channels_at(size // 2, width, most)[::-1]]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(channels))
        self.whole = nn.Conv2d(channels[-1], channels[-1], START)
        self.out = nn.Linear(channels[-1], 1)
        self.told = projection(conditions, channels[-1], key_bits)
        initialise(self)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """One number for each image."""
        hidden = images
        for convolution in self.convolutions:
            hidden = F.leaky_relu(convolution(hidden), SLOPE)
        hidden = F.leaky_relu(self.whole(hidden), SLOPE).flatten(1)
        score: Tensor = self.out(hidden).squeeze(1)
        return score if self.told is None else score + self.told(hidden, condition)


def channels_at(size: int, width: int, most: int) -> list[int]:
    """Channels at 4, 8 ... size pixels: `width` at the last, doubled at every halving up to `most`."""
    sides = [START << power for power in range((size // START).bit_length())]
    return [min(most, width * (size // side)) for side in sides]


def initialise(network: nn.Module) -> None:
    """For leaky units (He et al. 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, a=SLOPE)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """Both networks at their start."""
    networks = partial(DcganGenerator, key_bits=shape.key_bits), partial(DcganDiscriminator, key_bits=shape.key_bits)
    return AdversarialLearner(recipe, *players(recipe, shape, *networks), device)
