"""What the families of Karras et al. share: equalised learning rates, and a discriminator's last layers.

    stored weights, unit variance --x the layer's constant--> weights in use

Adam steps by about its learning rate whatever a gradient's scale. With weights stored at one variance, a step changes
all of them by the same share, and one learning rate suits every layer (ICLR 2018, arXiv 1710.10196, section 4.1).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from artfp.errors import UsageError
from artfp.generators.dcgan import SLOPE, START
from artfp.generators.layers import GROUP, projection, with_batch_spread
from artfp.generators.parallel import processes
from artfp.generators.settings import GanRecipe

GAIN = 2**0.5  # of leaky units on unit variance (He et al. 2015), here beside the unit and not in every constant


class Dense(nn.Linear):
    """w x / sqrt(inputs) + b, learning `rate` times as fast as the others; its bias begins at `start`."""

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0, start: float = 0.0) -> None:
        super().__init__(inputs, outputs)
        self.rate = rate
        nn.init.normal_(self.weight, std=1 / rate)
        nn.init.constant_(self.bias, start / rate)

    def forward(self, x: Tensor) -> Tensor:
        """w_hat = w / c with 1 / c = rate / sqrt(inputs) (section 4.1, unnumbered)."""
        return F.linear(x, self.weight * (self.rate / self.in_features**0.5), self.bias * self.rate)


class Convolution(nn.Conv2d):
    """The same for convolutions that keep the side, or divide it by `stride`."""

    def __init__(self, inputs: int, outputs: int, side: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(inputs, outputs, side, stride, padding=side // 2, bias=bias)
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @property
    def used(self) -> Tensor:
        """w_hat = w / c with c = sqrt(inputs * side^2)."""
        return self.weight / self.weight[0].numel() ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        return F.conv2d(x, self.used, self.bias, self.stride, self.padding)


class Judge(nn.Module):
    """How much the images of a batch differ, 3 x 3, dense: from the smallest features to one number each."""

    def __init__(self, channels: int, conditions: int, key_bits: int = 0) -> None:
        super().__init__()
        self.convolution = Convolution(channels + 1, channels, 3)
        self.dense = Dense(channels * START**2, channels)
        self.out = Dense(channels, 1)
        self.told = projection(conditions, channels, key_bits)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """The last layers of table 2 of progressive growing, which StyleGAN2 kept."""
        hidden = active(self.convolution(with_batch_spread(x)))
        hidden = active(self.dense(hidden.flatten(1)))
        score: Tensor = self.out(hidden).squeeze(1)
        return score if self.told is None else score + self.told(hidden, condition)


def check_groups(recipe: GanRecipe) -> None:
    """Refuse a batch whose real and generated images would meet in one group of the judge's."""
    share = recipe.batch // (processes() * recipe.parts)
    if share % GROUP:
        raise UsageError(f"{recipe.family} compares groups of {GROUP} images: {share} at a time are not a multiple")


def active(x: Tensor) -> Tensor:
    """The leaky unit; unit variance in, about unit mean square out (StyleGAN2, arXiv 1912.04958, appendix B)."""
    return F.leaky_relu(x, SLOPE) * GAIN
