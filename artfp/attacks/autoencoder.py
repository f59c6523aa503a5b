"""A small auto-encoder in the manner of latent diffusion's: what regenerates images, and bounds latent generators.

image in [-1, 1] --encoder--> mean, log variance of latents --decoder--> image: what a small code does not hold is lost

Rombach et al., CVPR 2022 (arXiv 2112.10752), section 3.1: L1, perhaps a perceptual distance, and a little of the KL
divergence; but without attention and patch discriminator.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from artfp.devices import fast_arithmetic
from artfp.images import to_pixels, to_tensor

KL_WEIGHT = 1e-6
WIDEST = 4  # times the width at full size
BATCH = 64
BETAS = (0.5, 0.9)  # latent diffusion's

Pixels = NDArray[np.uint8]
Perceive = Callable[[Tensor, Tensor], Tensor]


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(*_convolved(width, width), *_convolved(width, width))

    def forward(self, hidden: Tensor) -> Tensor:
        """Features of the same shape."""
        return hidden + self.inner(hidden)


class AutoEncoder(nn.Module):
    """Images in [-1, 1] to a normal distribution of latents, and back.

    image -> 3 x 3 -> [block, 3 x 3 at stride 2] ... block -> mean, log variance: channels x H / factor x W / factor
    latents -> 3 x 3 -> block [nearest x 2, 3 x 3, block] ... -> 3 x 3 -> image
    """

    def __init__(self, factor: int, channels: int, width: int) -> None:
        super().__init__()
        widths = [width * min(WIDEST, 2**halvings) for halvings in range(factor.bit_length())]
        down: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1)]
        for wide, wider in pairwise(widths):
            down += [Block(wide), nn.Conv2d(wide, wider, 3, stride=2, padding=1)]
        up: list[nn.Module] = [nn.Conv2d(channels, widths[-1], 3, padding=1), Block(widths[-1])]
        for wide, narrow in pairwise(widths[::-1]):
            up += [nn.Upsample(scale_factor=2.0), nn.Conv2d(wide, narrow, 3, padding=1), Block(narrow)]
        self.encoder = nn.Sequential(*down, Block(widths[-1]), *_convolved(widths[-1], 2 * channels))
        self.decoder = nn.Sequential(*up, *_convolved(width, 3))

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance."""
        mean, log_variance = self.encoder(images).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    @torch.no_grad()
    def round_trip(self, pixels: Pixels) -> Pixels:
        """8-bit images, of sides that the factor divides, through their mean latents."""
        batches = torch.split(2 * to_tensor(pixels).to(next(self.parameters()).device) - 1, BATCH)
        return np.concatenate([to_pixels((self.decoder(self.encode(images)[0]) + 1) / 2) for images in batches])


def _convolved(entering: int, leaving: int) -> tuple[nn.Module, ...]:
    return nn.GroupNorm(8, entering), nn.SiLU(), nn.Conv2d(entering, leaving, 3, padding=1)


def loss_of(network: AutoEncoder, images: Tensor, seed: int, perceive: Perceive | None = None) -> Tensor:
    """Latent diffusion's sums over an image, divided by its number of values."""
    mean, log_variance = network.encode(images)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed)).to(mean.device)
    decoded = network.decoder(mean + noise * (log_variance / 2).exp()).float()
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=(1, 2, 3)) / 2
    loss = F.l1_loss(decoded, images) + KL_WEIGHT * divergence.mean() / images[0].numel()
    return loss if perceive is None else loss + perceive(decoded, images).mean()


def learn(
    network: AutoEncoder, adam: torch.optim.Adam, pixels: Pixels, seed: int, perceive: Perceive | None = None
) -> float:
    """One step on a batch; its loss."""
    device = next(network.parameters()).device
    images = 2 * to_tensor(pixels).to(device) - 1
    adam.zero_grad()
    with fast_arithmetic(str(device)):
        loss = loss_of(network, images, seed, perceive)
    loss.backward()  # type: ignore[no-untyped-call]
    adam.step()
    return loss.item()
