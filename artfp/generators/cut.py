"""`cut`: images of one domain to images of another, where each patch keeps its place and content.

    source -> 7 x 7 -> [3 x 3, stride 2] x 2 -> residual blocks -> [nearest x 2, 3 x 3] x 2 -> 7 x 7 -> image
    image -> [4 x 4, stride 2] x 3 -> 4 x 4 -> 4 x 4 -> one number for each patch
    features of source, of image, at the same places -> two dense layers -> nearest to one another? (PatchNCE)

CUT: Park, Efros, Zhang, Zhu, ECCV 2020, arXiv 2007.15651; equations and sections below are that paper's. Instance norm
stands in the encoder and the blocks, where it takes away the look of the source, as in the paper; but not behind them
and not in the discriminator: it divides by the contrast of each image, and a faint fingerprint with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.devices import fast_arithmetic
from artfp.errors import UsageError
from artfp.generators.adversarial import AdversarialLearner, Part
from artfp.generators.base import Batch, Generator, Learner, Shape, moved
from artfp.generators.dcgan import SLOPE, channels_at, initialise
from artfp.generators.losses import Game, no_penalty
from artfp.generators.parallel import average_gradients
from artfp.generators.settings import GanRecipe
from artfp.seeds import derive_seed

LAYERS = (0, 2, 3, 4, 8)  # compared: pixels, both halvings, first and fifth block (appendix, training details)
PATCHES = 256  # compared in each layer (the same)
FEATURES = 256  # of a patch, as compared (the same)
TEMPERATURE = 0.07  # tau of equation 2


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """1 for real patches, 0 for fake ones (LSGAN: Mao et al., ICCV 2017, arXiv 1611.04076, equations 2 and 9)."""
    return (real - 1).square().mean() / 2 + fake.square().mean() / 2


def least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    """1 for fake patches (the same)."""
    return (fake - 1).square().mean() / 2


LEAST_SQUARES = Game(least_squares_discriminator, least_squares_generator, no_penalty)


class CutGenerator(Generator):
    """Images of a source domain to images of the target domain, both in opponent colours."""

    reads_images = True

    def __init__(self, size: int, width: int, most: int) -> None:
        super().__init__()
        self.size, self.width, self.most = size, width, most
        self.noise_shape = (3, size, size)
        full, half, quarter = channels = channels_at(size, width, most)[:-4:-1]
        halvings = [Encoding(3, full, 7, 1), Encoding(full, half, 3, 2), Encoding(half, quarter, 3, 2)]
        blocks = [Residual(quarter) for _ in range(6 if size <= 128 else 9)]  # as CycleGAN, arXiv 1703.10593, section 4
        self.encoder = nn.ModuleList([*halvings, *blocks])
        self.decoder = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(channels[::-1]))
        self.out = nn.Conv2d(full, 3, 7, padding=3)
        self.feature_channels = [3, half, quarter, quarter, quarter]  # at LAYERS
        initialise(self)
        with torch.no_grad():
            self.out.weight.mul_(0.4)  # starts at about the contrast of images

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The images, here called noise, as images of the target domain; no clamp, as in `dcgan`."""
        hidden = noise
        for stage in self.encoder:
            hidden = stage(hidden)
        for convolution in self.decoder:
            hidden = F.leaky_relu(convolution(F.interpolate(hidden, scale_factor=2.0)), SLOPE)
        return self.out(hidden)

    def features(self, images: Tensor) -> list[Tensor]:
        """What the encoder makes of images in LAYERS, for comparison."""
        seen = [images]
        for stage in self.encoder[: LAYERS[-1]]:
            seen.append(stage(seen[-1]))
        return [seen[layer] for layer in LAYERS]

    @property
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"size": self.size, "width": self.width, "most": self.most}


class Encoding(nn.Module):
    """Convolution, instance norm, leaky unit."""

    def __init__(self, entering: int, leaving: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(entering, leaving, kernel, stride, padding=kernel // 2)

    def forward(self, hidden: Tensor) -> Tensor:
        """Features, smaller by the stride."""
        return F.leaky_relu(F.instance_norm(self.convolution(hidden)), SLOPE)


class Residual(nn.Module):
    """What two convolutions add."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Encoding(channels, channels, 3, 1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Features of the same size."""
        return hidden + F.instance_norm(self.second(self.first(hidden)))


class CutDiscriminator(nn.Module):
    """Images in opponent colours to a number for each patch, higher on real ones; 70 px see each other.

    PatchGAN (Isola, Zhu, Zhou, Efros, CVPR 2017, arXiv 1611.07004, section 3.2.2), without norms.
    """

    def __init__(self, size: int, width: int, most: int) -> None:
        super().__init__()
        halvings = [3, *channels_at(size // 2, width, most)[:-4:-1]]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 4, 2, padding=1) for a, b in pairwise(halvings))
        self.wide = nn.Conv2d(halvings[-1], most, 4, padding=1)
        self.out = nn.Conv2d(most, 1, 4, padding=1)
        initialise(self)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """N x patches."""
        hidden = images
        for convolution in [*self.convolutions, self.wide]:
            hidden = F.leaky_relu(convolution(hidden), SLOPE)
        return self.out(hidden).flatten(1)


class Heads(nn.Module):
    """Two dense layers for each layer compared, to vectors of length one (H of section 3.2)."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(count, FEATURES) for count in channels)
        self.second = nn.ModuleList(nn.Linear(FEATURES, FEATURES) for _ in channels)
        initialise(self)

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """N x places x FEATURES for each layer, in float32."""
        found = [layer.flatten(2)[:, :, at].mT for layer, at in zip(features, places, strict=True)]
        heads = zip(self.first, self.second, found, strict=True)
        return [F.normalize(second(F.relu(first(x))).float(), dim=2) for first, second, x in heads]


def patch_nce(queries: Tensor, keys: Tensor) -> Tensor:
    """-log of the softmax share that each query gives its own key among those of its image (equations 2 and 3).

    Of N x places x FEATURES, one number for each image: the mean over places, as the authors train, not the sum.
    """
    logits = queries @ keys.mT / TEMPERATURE
    return -logits.log_softmax(dim=2).diagonal(dim1=1, dim2=2).mean(dim=1)


class CutLearner(AdversarialLearner):
    """Adversaries, and heads that compare what went in with what came out."""

    game = LEAST_SQUARES
    betas = (0.5, 0.999)
    generator: CutGenerator

    def __init__(self, recipe: GanRecipe, generator: CutGenerator, discriminator: nn.Module, device: str) -> None:
        super().__init__(recipe, generator, discriminator, device)
        self.heads = moved(Heads(generator.feature_channels), device)
        self.heads_adam = self._adam(self.heads)

    def inputs(self, batch: Batch, random: torch.Generator) -> Tensor:
        """The images to translate."""
        assert batch.sources is not None  # noqa: S101 - `learner` has seen to it
        return batch.sources

    def regularise(self, parts: Sequence[Part], step: int, seed: int) -> dict[str, float]:
        """Both PatchNCE terms of equation 5 with lambda_X = lambda_Y = 1, into generator and heads."""
        places = self._places(torch.Generator().manual_seed(derive_seed(seed, "patches")))
        self.heads_adam.zero_grad(set_to_none=True)
        found = torch.zeros(2)
        for part in parts:
            terms = self._compare(part, places) / len(parts)
            terms.sum().backward()  # type: ignore[no-untyped-call]
            found += terms.detach().cpu()
        average_gradients(self.heads)
        self.heads_adam.step()
        return {"nce": found[0].item(), "identity_nce": found[1].item()}

    def networks(self) -> dict[str, nn.Module]:
        """The heads as well."""
        return {**super().networks(), "heads": self.heads}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Theirs as well."""
        return {**super().optimizers(), "heads": self.heads_adam}

    def _compare(self, part: Part, places: Sequence[Tensor]) -> Tensor:
        """PatchNCE of sources and of target images, which should come out as they are; the mean over layers."""
        images = torch.cat([part.noise, part.real])
        with fast_arithmetic(self.device):
            with torch.no_grad():  # keys stand still, as the authors train
                keys = self.heads(self.generator.features(images), places)
            queries = self.heads(self.generator.features(self.generator(images)), places)
        layers = torch.stack([patch_nce(query, key) for query, key in zip(queries, keys, strict=True)])
        return torch.stack([half.mean() for half in layers.chunk(2, dim=1)])

    def _places(self, random: torch.Generator) -> list[Tensor]:
        """Patches to compare in each layer, the same in all images."""
        sides = [self.generator.size // halved for halved in (1, 2, 4, 4, 4)]
        return [torch.randperm(side**2, generator=random)[:PATCHES].to(self.device) for side in sides]


def learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """The learner of a recipe at its start."""
    if recipe.source is None:
        raise UsageError("cut translates images: --source, or the recipe's source, must name them")
    generator = CutGenerator(shape.size, recipe.generator_width, recipe.generator_most)
    discriminator = CutDiscriminator(shape.size, recipe.discriminator_width, recipe.discriminator_most)
    return CutLearner(recipe, generator, discriminator, device)
