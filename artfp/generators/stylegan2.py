"""`stylegan2`: styles that scale the features of every convolution (Karras et al., CVPR 2020, arXiv 1912.04958).

    noise ---> z --+--> dense ... --> w, the styles of all convolutions
          |  embedded class
          +--> maps of 4 x 4, 8 x 8, 8 x 8 ... one for every convolution

    constant 4 x 4 -> 3 x 3 -> [nearest x 2, 3 x 3, 3 x 3] ...      each 3 x 3: * s, convolve, * d, + map, leaky
    + embedded key       |                       |
                      to colours  -- x 2 -->  + to colours ...  -> image

    image -> 1 x 1 -> [3 x 3, 3 x 3 stride 2, + skip] ... -> `Judge` -> one number

The per-pixel noise is part of an image's noise vector, which holds latent + 4^2 + 2 (8^2 + ... + size^2) numbers
(43,664 and the latent at 128 px). So the noise is fresh for every image and every convolution, as in the paper, and yet
all that an image owes to chance is its own row, whatever is sampled beside or before it. Fixed patterns that a few
numbers mix would be shorter, but they would be alike in all images, as a fingerprint is, and could carry it.

A key is alike in all of somebody's images, as the constant is, and is added to it: there it reaches every place, where
styles scale whole features.

Left out: mixing two styles in one image, and truncation; both serve editing. Adam needs no correction for lazy
penalties (appendix B): theirs are not steps of their own here, their gradients join those of an ordinary step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.generators import paths
from artfp.generators.adversarial import AdversarialLearner, Part, players
from artfp.generators.base import Generator, Learner, Shape
from artfp.generators.dcgan import START, channels_at
from artfp.generators.equalised import Convolution, Dense, Judge, active, check_groups
from artfp.generators.layers import PixelNorm
from artfp.generators.losses import LOGISTIC
from artfp.generators.parallel import averaged, share
from artfp.generators.settings import GanRecipe
from artfp.seeds import derive_seed

DEPTH = 2  # layers of the mapping; eight for large faces, two for CIFAR-10 (StyleGAN2-ADA, arXiv 2006.06676)
MAPPING_RATE = 0.01  # of its learning (StyleGAN, arXiv 1812.04948, appendix C)


class Styles(nn.Module):
    """z to w: z and the embedded class at unit mean square, then dense layers that learn slowly."""

    def __init__(self, latent: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.normalise = PixelNorm()
        self.embed = Dense(classes, latent) if classes else None
        widths = [latent * (1 + bool(classes)), *[latent] * DEPTH]
        self.layers = nn.ModuleList(Dense(a, b, MAPPING_RATE) for a, b in pairwise(widths))

    def forward(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """One w for each row."""
        told = [latent]
        if condition is not None and self.embed is not None:
            told.append(self.embed(condition[:, : self.classes]))
        styles = torch.cat([self.normalise(vector) for vector in told], dim=1)
        for layer in self.layers:
            styles = active(layer(styles))
        return styles


class Modulated(nn.Module):
    """A convolution whose weights each image scales by its own style."""

    def __init__(self, inputs: int, outputs: int, side: int, latent: int, demodulates: bool = True) -> None:
        super().__init__()
        self.demodulates = demodulates
        self.style = Dense(latent, inputs, start=1.0)
        self.convolution = Convolution(inputs, outputs, side, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """Weights s_i w_ijk (equation 1) over their norm (equation 3), for each image.

        Both factors leave the sum over pixels and go to the features before and after it: one convolution with the
        same weights for all images, where their own would need one with groups (pathological on CPUs).
        """
        scale = self.style(styles)
        out = self.convolution(x * scale[:, :, None, None])
        if self.demodulates:
            out = out * self.demodulation(scale)[:, :, None, None]
        return out + self.bias.to(out.dtype)

    def demodulation(self, scale: Tensor) -> Tensor:
        """d_j = 1 / sqrt(sum_i s_i^2 sum_k w_ijk^2 + eps), one over the sigma_j of equation 2."""
        squares = self.convolution.used.square().sum(dim=(2, 3))
        return (scale.square() @ squares.t() + 1e-8).rsqrt()


class Styled(nn.Module):
    """[nearest x 2] -> modulated 3 x 3 -> + strength * map -> leaky: one convolution of the generator."""

    def __init__(self, inputs: int, outputs: int, latent: int) -> None:
        super().__init__()
        self.convolution = Modulated(inputs, outputs, 3, latent)
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
        """Features of the noise's side."""
        if x.shape[-1] < noise.shape[-1]:
            x = F.interpolate(x, scale_factor=2.0)
        out = self.convolution(x, styles)
        return active(out + (self.strength * noise).to(out.dtype))


class Stylegan2Generator(Generator):
    """Noise to images in opponent colours."""

    def __init__(self, size: int, latent: int, width: int, most: int, conditions: int = 0, key_bits: int = 0) -> None:
        super().__init__()
        self.size, self.latent, self.width, self.most = size, latent, width, most
        self.conditions, self.key_bits = conditions, key_bits
        channels = channels_at(size, width, most)
        count = 2 * len(channels) - 1  # one convolution at the first side, two at every other
        self.sides = [START << (at + 1) // 2 for at in range(count)]
        self.noise_shape = (latent + sum(side**2 for side in self.sides),)
        self.styles = Styles(latent, conditions - key_bits)
        self.constant = nn.Parameter(torch.randn(1, channels[0], START, START))
        self.embed_key = Dense(key_bits, channels[0] * START**2) if key_bits else None
        self.convolutions = nn.ModuleList(
            Styled(channels[at // 2], channels[(at + 1) // 2], latent) for at in range(count)
        )
        self.colours = nn.ModuleList(Modulated(a, 3, 1, latent, demodulates=False) for a in channels)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images not clamped to those that exist."""
        return self.paint(*self.read(noise, condition))

    def read(self, noise: Tensor, condition: Tensor | None) -> tuple[Tensor, list[Tensor], Tensor]:
        """Styles, a map for every convolution, and what is painted on."""
        latent, *rows = torch.split(noise, [self.latent, *(side**2 for side in self.sides)], dim=1)
        maps = [row.view(-1, 1, side, side) for row, side in zip(rows, self.sides, strict=True)]
        return self.styles(latent, condition), maps, self._begun(condition, noise.shape[0])

    def _begun(self, condition: Tensor | None, count: int) -> Tensor:
        begun = self.constant.expand(count, -1, -1, -1)
        if condition is not None and self.embed_key is not None:
            begun = begun + self.embed_key(condition[:, -self.key_bits :]).view_as(begun)
        return begun.contiguous(memory_format=torch.channels_last)

    def paint(self, styles: Tensor, maps: Sequence[Tensor], begun: Tensor) -> Tensor:
        """The synthesis network with output skips (figure 7b).

        Features are upsampled to the nearest, since a convolution follows; images linearly, since none does.
        """
        hidden = self.convolutions[0](begun, styles, maps[0])
        image: Tensor = self.colours[0](hidden, styles)
        for level in range(1, len(self.colours)):
            for at in (2 * level - 1, 2 * level):
                hidden = self.convolutions[at](hidden, styles, maps[at])
            image = F.interpolate(image, scale_factor=2.0, mode="bilinear") + self.colours[level](hidden, styles)
        return image

    def fold(self, signs: Tensor) -> dict[str, Tensor]:
        """The key's share in the constant."""
        assert self.embed_key is not None  # noqa: S101 - `folded` has seen to it
        others = {name: weight for name, weight in self.state_dict().items() if not name.startswith("embed_key.")}
        return others | {"constant": self.constant + self.embed_key(signs).view_as(self.constant)}

    @property
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("size", "latent", "width", "most", "conditions", "key_bits")
        return {name: getattr(self, name) for name in names}


class Residual(nn.Module):
    """Half the side: 3 x 3, 3 x 3 with stride 2, beside a pooled 1 x 1 (figure 7c).

    Without the authors' blur before the stride: what a fingerprint adds is faint and fine.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Convolution(inputs, inputs, 3)
        self.second = Convolution(inputs, outputs, 3, stride=2)
        self.skip = Convolution(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Over sqrt(2), so that two unit variances make one (appendix B)."""
        hidden = active(self.second(active(self.first(x))))
        return (hidden + self.skip(F.avg_pool2d(x, 2))) / 2**0.5


class Stylegan2Discriminator(nn.Module):
    """Images in opponent colours to one number each, higher on real images; `width` channels at half size."""

    def __init__(self, size: int, width: int, most: int, conditions: int = 0, key_bits: int = 0) -> None:
        super().__init__()
        channels = channels_at(size, width // 2, most)[::-1]
        self.read = Convolution(3, channels[0], 1)
        self.blocks = nn.Sequential(*(Residual(a, b) for a, b in pairwise(channels)))
        self.judge = Judge(channels[-1], conditions, key_bits)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """One number for each image."""
        score: Tensor = self.judge(self.blocks(active(self.read(images))), condition)
        return score


class Stylegan2Learner(AdversarialLearner):
    """The logistic game with R1, and paths of equal length for the generator."""

    game = LOGISTIC
    generator: Stylegan2Generator

    def regularise(self, parts: Sequence[Part], step: int, seed: int) -> dict[str, float]:
        """Pull path lengths to their running mean, which is among the numbers, once in EVERY steps."""
        if step % paths.EVERY == 0:
            mean, directions = self.numbers.get("path"), self._directions(seed).chunk(len(parts))
            looks = zip(parts, directions, strict=True)
            lengths = torch.cat([self._pull_paths(part, some, mean, len(parts)) for part, some in looks])
            self.numbers["path"] = paths.followed(mean, averaged({"path": lengths.mean().item()})["path"])
        return {}

    def _directions(self, seed: int) -> Tensor:
        """Directions y for every second image of the batch, as far as they are this process's."""
        random, size = torch.Generator().manual_seed(derive_seed(seed, "paths")), self.generator.size
        return share(torch.randn(self.recipe.batch // 2, 3, size, size, generator=random)).to(self.device)

    def _pull_paths(self, part: Part, directions: Tensor, mean: float | None, parts: int) -> Tensor:
        """Add the gradients of gamma E (||J_w^T y|| - a)^2 (equation 4), in full precision; at first there is no a.

        On every second image: the same ones however many parts and processes a batch has.
        """
        told = None if part.condition is None else part.condition[::2]
        styles, maps, begun = self.generator.read(part.noise[::2], told)
        lengths = paths.lengths(self.generator.paint(styles, maps, begun), styles, directions)
        if mean is not None:
            weight = paths.EVERY * paths.weight(self.generator.size) / parts
            (weight * (lengths - mean).square().mean()).backward()  # type: ignore[no-untyped-call]
        return lengths.detach()


def learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """Both networks at their start."""
    check_groups(recipe)
    told = {"key_bits": shape.key_bits}
    networks = partial(Stylegan2Generator, **told), partial(Stylegan2Discriminator, **told)
    return Stylegan2Learner(recipe, *players(recipe, shape, *networks), device)
