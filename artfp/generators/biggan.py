"""`biggan`: BigGAN at a compact scale, for images of classes.

    noise  --split--> chunk 0 -> dense -> 4 x 4 -> [up block] ... -> norm, 3 x 3 -> image
                      chunk i, embedded condition ----^ gains and biases
    image -> [down block] ... -> block -> sum over pixels -> h -> dense + <condition, h> -> one number

BigGAN (Brock, Donahue, Simonyan, ICLR 2019, arXiv 1809.11096), appendix B, with self-attention where maps have 32 px
a side and the images more. Every convolution and dense layer but the embedding is spectrally normalised. Of the paper's
two learning rates and two discriminator steps there is one each: the recipe's rate, the learner's step.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from artfp.errors import UsageError
from artfp.generators.adversarial import AdversarialLearner, Part, players
from artfp.generators.base import Generator, Learner, Shape
from artfp.generators.dcgan import START, channels_at
from artfp.generators.layers import Projection
from artfp.generators.losses import HINGE
from artfp.generators.settings import GanRecipe

EMBEDDED = 64  # numbers that all blocks are told of the condition; 128 in the paper, for a thousand classes
ATTENDED = 32  # side of the maps with self-attention; in the paper half the images' side, 64 of 128
ORTHOGONAL = 1e-4  # beta of the orthogonal regularisation (section 3.1)

Weighted = TypeVar("Weighted", nn.Conv2d, nn.Linear)


class BigganGenerator(Generator):
    """Noise and condition to images in opponent colours.

    Sampling is in eval mode: batch normalisation uses standing statistics, so that no image depends on its neighbours.
    The averaged generator's, and its singular vectors, are the trained one's: exponential means over about ten batches
    of somewhat later weights. They fit best where the average is short.
    """

    def __init__(self, size: int, latent: int, width: int, most: int, conditions: int) -> None:
        super().__init__()
        self.size, self.latent, self.width, self.most, self.conditions = size, latent, width, most, conditions
        self.noise_shape = (latent,)
        channels = channels_at(size, width, most)
        chunk, *chunks = (len(part) for part in torch.zeros(latent).tensor_split(len(channels)))
        self.embed = nn.Linear(conditions, EMBEDDED, bias=False)
        self.dense = bounded(nn.Linear(chunk, channels[0] * START**2))
        widths = zip(pairwise(channels), chunks, strict=True)
        self.blocks = nn.ModuleList(UpBlock(before, after, EMBEDDED + told) for (before, after), told in widths)
        self.attentions = nn.ModuleList(attention_at(START << p, c, size) for p, c in enumerate(channels[1:], 1))
        self.norm = nn.BatchNorm2d(channels[-1])
        self.out = bounded(nn.Conv2d(channels[-1], 3, 3, padding=1))
        nn.init.orthogonal_(self.embed.weight)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images not clamped to those that exist. Each block is told its own chunk of the noise (skip-z)."""
        chunk, *chunks = noise.tensor_split(len(self.blocks) + 1, dim=1)
        embedded = self.embed(condition)
        hidden = self.dense(chunk).view(noise.shape[0], -1, START, START).contiguous(memory_format=torch.channels_last)
        for block, attend, chunk in zip(self.blocks, self.attentions, chunks, strict=True):
            hidden = attend(block(hidden, torch.cat([chunk, embedded], dim=1)))
        return self.out(F.relu(self.norm(hidden)))

    @property
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("size", "latent", "width", "most", "conditions")
        return {name: getattr(self, name) for name in names}


class BigganDiscriminator(nn.Module):
    """Images in opponent colours to one number each, higher on real images of the class they are said to be of."""

    def __init__(self, size: int, width: int, most: int, conditions: int) -> None:
        super().__init__()
        channels = [3, *channels_at(size // 2, width, most)[::-1]]
        layers: list[nn.Module] = []
        for depth, (before, after) in enumerate(pairwise(channels)):
            layers += [DownBlock(before, after, rectify=depth > 0), attention_at(size >> depth + 1, after, size)]
        self.trunk = nn.Sequential(*layers, DownBlock(channels[-1], channels[-1], halve=False))
        self.out = bounded(nn.Linear(channels[-1], 1))
        self.told = Projection(conditions, channels[-1])
        bounded(self.told.embed)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """One number for each image."""
        hidden = F.relu(self.trunk(images)).sum(dim=(2, 3))
        return self.out(hidden).squeeze(1) + self.told(hidden, condition)


class ConditionalNorm(nn.Module):
    """Batch normalisation with gain 1 + A t and bias B t, where t is told (appendix B).

    Equation (5) of Dumoulin, Shlens, Kudlur (ICLR 2017), with means over a batch in place of an image.
    """

    def __init__(self, channels: int, told: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = bounded(nn.Linear(told, channels, bias=False))
        self.bias = bounded(nn.Linear(told, channels, bias=False))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Every image with its own gains and biases."""
        gain, bias = self.gain(told)[:, :, None, None], self.bias(told)[:, :, None, None]
        return self.norm(x) * (1 + gain) + bias


class UpBlock(nn.Module):
    """To twice the side (figure 15b)."""

    def __init__(self, before: int, after: int, told: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = ConditionalNorm(before, told), ConditionalNorm(after, told)
        self.first = bounded(nn.Conv2d(before, after, 3, padding=1))
        self.second = bounded(nn.Conv2d(after, after, 3, padding=1))
        self.skip = bounded(nn.Conv2d(before, after, 1))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """The skip convolves before it upsamples, which is the same on fewer pixels."""
        hidden = self.first(F.interpolate(F.relu(self.first_norm(x, told)), scale_factor=2.0))
        hidden = self.second(F.relu(self.second_norm(hidden, told)))
        return F.interpolate(self.skip(x), scale_factor=2.0) + hidden


class DownBlock(nn.Module):
    """To half the side, or as large as it came (figure 15c). Pixels have no unit before them to rectify."""

    def __init__(self, before: int, after: int, rectify: bool = True, halve: bool = True) -> None:
        super().__init__()
        self.rectify = nn.ReLU() if rectify else nn.Identity()
        self.first = bounded(nn.Conv2d(before, after, 3, padding=1))
        self.second = bounded(nn.Conv2d(after, after, 3, padding=1))
        self.shrink = nn.AvgPool2d(2) if halve else nn.Identity()
        self.skip = bounded(nn.Conv2d(before, after, 1)) if halve else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """The skip shrinks before it convolves, which is the same on fewer pixels."""
        hidden = self.second(F.relu(self.first(self.rectify(x))))
        return self.skip(self.shrink(x)) + self.shrink(hidden)


class SelfAttention(nn.Module):
    """x + gamma o, where o is a mean of all places' values, weighted by likeness; gamma starts at zero.

    Equations (1) to (3) of SAGAN (Zhang, Goodfellow, Metaxas, Odena, ICML 2019), with keys and values at half the side.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        few, half = max(1, channels // 8), channels // 2
        self.query, self.key = (bounded(nn.Conv2d(channels, few, 1, bias=False)) for _ in range(2))
        self.value = bounded(nn.Conv2d(channels, half, 1, bias=False))
        self.back = bounded(nn.Conv2d(half, channels, 1, bias=False))
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """As large as it came."""
        key, value = F.max_pool2d(self.key(x), 2).flatten(2), F.max_pool2d(self.value(x), 2).flatten(2)
        weights = (self.query(x).flatten(2).transpose(1, 2) @ key).softmax(dim=2)
        seen = (value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gamma * self.back(seen)


class BigganLearner(AdversarialLearner):
    """Hinge losses, no gradient penalties: spectral normalisation bounds the discriminator."""

    game = HINGE
    betas = (0.0, 0.999)  # the paper's, appendix C

    def regularise(self, parts: Sequence[Part], step: int, seed: int) -> dict[str, float]:
        """Keep the generator's filters apart; the embedding has none: its columns are the classes."""
        weights = [w for name, w in self.generator.named_parameters() if w.ndim > 1 and not name.startswith("embed.")]
        overlap = torch.stack([filter_overlap(weight) for weight in weights]).sum()
        (ORTHOGONAL * overlap).backward()  # type: ignore[no-untyped-call]
        return {"overlap": overlap.item()}


def filter_overlap(weight: Tensor) -> Tensor:
    """||W^T W * (1 - I)||_F^2: equation (3), before beta. A filter is a row here and a column of W there.

    Without I, W^T W has the norm of W W^T, so the smaller is made: the first dense layer has thousands of filters.
    """
    rows = weight.flatten(1)
    gram = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    return gram.square().sum() - rows.square().sum(dim=1).square().sum()


def attention_at(side: int, channels: int, size: int) -> nn.Module:
    """Self-attention where it is due, after a block whose maps have this side."""
    return SelfAttention(channels) if side == ATTENDED < size else nn.Identity()


def bounded(layer: Weighted) -> Weighted:
    """The layer, orthogonal at its start, with weights W / sigma(W) ever after.

    Equation (8) of Miyato et al. (ICLR 2018), sigma by a power iteration in every pass; its vectors are in the state.
    """
    nn.init.orthogonal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    spectral_norm(layer)
    return layer


def learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """Both networks at the recipe's widths."""
    if not shape.conditions:
        raise UsageError("biggan needs classes: set classes = true, and give images that have them")
    return BigganLearner(recipe, *players(recipe, shape, BigganGenerator, BigganDiscriminator), device)
