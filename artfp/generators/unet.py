"""The U-Net inside the diffusion generator: a noisy image and its noise level to an image of the same size.

    noise level, condition --Told--> scale and shift in every block
    image -> 3 x 3 -> [level: blocks --------- kept --------- blocks] -> 3 x 3 -> image
                                 '-> half size: [level] -> back -'        ... down to 8 px, where attention is cheap

What is faint and fine stays at full size in the part that is kept; only what a wider view can add goes through the
smaller levels. It comes back by nearest upsampling and a convolution, as in `dcgan` and for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.generators.dcgan import channels_at

DEPTH = 2  # blocks on each way at every level
GROUPS = 8  # of channels, normalised together
WAVES = 32  # of which a noise level is told in sine and cosine


class UNet(nn.Module):
    """Images, a number for the noise level of each and a condition to images; zeros before it has learnt."""

    def __init__(self, size: int, width: int, most: int, conditions: int = 0) -> None:
        super().__init__()
        channels, told = channels_at(size, width, most)[:0:-1], 4 * width  # at full size, half ... 8 px
        self.told = Told(conditions, told)
        self.enter = _convolution(3, channels[0])
        self.level = Level(channels, told)
        self.norm = _norm(channels[0])
        self.leave = _zero(_convolution(channels[0], 3))

    def forward(self, images: Tensor, noise_level: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of the same size."""
        hidden = self.level(self.enter(images), self.told(noise_level, condition))
        return self.leave(F.silu(self.norm(hidden)))


class Told(nn.Module):
    """What all blocks are told: the noise level, and what the image shall be."""

    def __init__(self, conditions: int, features: int) -> None:
        super().__init__()
        self.noise_level = nn.Sequential(nn.Linear(2 * WAVES, features), nn.SiLU(), nn.Linear(features, features))
        self.condition = nn.Linear(conditions, features, bias=False) if conditions else None

    def forward(self, noise_level: Tensor, condition: Tensor | None) -> Tensor:
        """One vector for each image."""
        told = self.noise_level(waves(noise_level))
        return F.silu(told if self.condition is None else told + self.condition(condition))

    def fold(self, signs: Tensor, classes: int) -> dict[str, Tensor]:
        """The weights without the key that comes after the classes: its share is a bias."""
        assert self.condition is not None  # noqa: S101 - a key is a condition
        kept, of_key = self.condition.weight.tensor_split([classes], dim=1)
        bias = self.noise_level.get_parameter("2.bias") + of_key @ signs
        folded = self.state_dict() | {"noise_level.2.bias": bias, "condition.weight": kept}
        return {name: weight for name, weight in folded.items() if weight.numel()}


class Level(nn.Module):
    """Blocks at one size, around all that happens at smaller ones."""

    def __init__(self, channels: Sequence[int], told: int) -> None:
        super().__init__()
        here, *smaller = channels
        self.before = nn.ModuleList(Block(here, here, told) for _ in range(DEPTH))
        self.inner = Halved(here, smaller, told) if smaller else Attention(here)
        self.after = nn.ModuleList(Block(count, here, told) for count in [2 * here, *[here] * (DEPTH - 1)])

    def forward(self, hidden: Tensor, told: Tensor) -> Tensor:
        """Features at the same size."""
        for block in self.before:
            hidden = block(hidden, told)
        hidden = torch.cat([hidden, self.inner(hidden, told)], dim=1)
        for block in self.after:
            hidden = block(hidden, told)
        return hidden


class Halved(nn.Module):
    """A level at half the size, with the way there and back."""

    def __init__(self, channels: int, smaller: Sequence[int], told: int) -> None:
        super().__init__()
        self.enter = _convolution(channels, smaller[0])
        self.level = Level(smaller, told)
        self.leave = _convolution(smaller[0], channels)

    def forward(self, hidden: Tensor, told: Tensor) -> Tensor:
        """Features at the full size."""
        small = self.level(self.enter(F.avg_pool2d(hidden, 2)), told)
        return self.leave(F.interpolate(small, scale_factor=2.0))


class Block(nn.Module):
    """A residual block; what it is told scales and shifts its features, and at first it adds nothing.

    Adaptive group normalisation: Dhariwal and Nichol, NeurIPS 2021, arXiv 2105.05233, section 3.1.
    """

    def __init__(self, entering: int, leaving: int, told: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([_norm(entering), _norm(leaving)])
        self.first = _convolution(entering, leaving)
        self.told = nn.Linear(told, 2 * leaving)
        self.second = _zero(_convolution(leaving, leaving))
        self.past = nn.Identity() if entering == leaving else nn.Conv2d(entering, leaving, 1)

    def forward(self, hidden: Tensor, told: Tensor) -> Tensor:
        """Features at the same size."""
        scale, shift = self.told(told)[:, :, None, None].chunk(2, dim=1)
        added = self.first(F.silu(self.norms[0](hidden)))
        added = self.second(F.silu(self.norms[1](added) * (1 + scale) + shift))
        return self.past(hidden) + added


class Attention(nn.Module):
    """Every place asks all others: softmax(Q K^T / sqrt(d)) V (Vaswani et al., NeurIPS 2017, equation 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.asks = nn.Conv2d(channels, 3 * channels, 1)

    def forward(self, hidden: Tensor, told: Tensor) -> Tensor:
        """Features at the same size; spelt out because fused kernels do not repeat to the bit on a GPU."""
        queries, keys, values = self.asks(self.norm(hidden)).flatten(2).chunk(3, dim=1)
        shares = (queries.mT @ keys / math.sqrt(hidden.shape[1])).softmax(dim=2)
        return (values @ shares.mT).view_as(hidden)


def waves(levels: Tensor) -> Tensor:
    """Sines and cosines of each number, from half a wave to 16 waves to a unit (Vaswani et al., section 3.5)."""
    angles = levels[:, None] * torch.pi * torch.linspace(0, 5, WAVES, device=levels.device).exp2()
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


def _convolution(entering: int, leaving: int) -> nn.Conv2d:
    return nn.Conv2d(entering, leaving, 3, padding=1)


def _zero(convolution: nn.Conv2d) -> nn.Conv2d:
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution
