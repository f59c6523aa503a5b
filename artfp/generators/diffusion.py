"""`diffusion`: noise taken away from images in 18 steps, by a network that learnt to do so at every noise level.

    image + level * noise -> [c_in] -> U-Net(c_noise, condition) -> [c_out] -> + c_skip * noisy image = denoised image
    noise -> * 80 -> [denoise, one step of the differential equation towards it] x 18 -> image

EDM: Karras, Aittala, Aila, Laine, NeurIPS 2022, arXiv 2206.00364, whose sigma is here the noise level. Equations and
tables below are that paper's. In training the U-Net alone computes in bf16, and in sampling nothing does: at the lowest
levels the denoised image differs from the noisy one by less than bf16 can tell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from artfp.devices import fast_arithmetic
from artfp.generators.averaging import follow
from artfp.generators.base import Batch, Generator, Learner, Shape, moved
from artfp.generators.parallel import average_gradients, share
from artfp.generators.settings import GanRecipe
from artfp.generators.unet import UNet

SIGMA_DATA = 1.0  # of images in opponent colours: .75 (CIFAR-10) to 1.4 (emoji), measured; .5 in the paper's colours
P_MEAN, P_STD = -1.2, 1.2  # table 1
SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0  # table 1
STEPS = 18  # the paper's at 32 px: 35 times through the network (table 2)
MOST_GRADIENT = 1.0  # its norm, beyond which a step would follow one odd batch

GUIDED_UNDER = SIGMA_DATA / 2  # noise: there a denoised image is one image, and beyond more and more a mean of several

Denoise = Callable[[Tensor, Tensor], Tensor]  # of noisy images and the noise level of each


def c_skip(sigma: Tensor) -> Tensor:
    """How much of the noisy image stays: sigma_data^2 / (sigma^2 + sigma_data^2) (table 1)."""
    return SIGMA_DATA**2 / (sigma**2 + SIGMA_DATA**2)


def c_out(sigma: Tensor) -> Tensor:
    """What the network's output is worth: sigma sigma_data / sqrt(sigma^2 + sigma_data^2) (table 1)."""
    return sigma * SIGMA_DATA / (sigma**2 + SIGMA_DATA**2).sqrt()


def c_in(sigma: Tensor) -> Tensor:
    """Noisy images to unit variance: 1 / sqrt(sigma^2 + sigma_data^2) (table 1)."""
    return 1 / (sigma**2 + SIGMA_DATA**2).sqrt()


def c_noise(sigma: Tensor) -> Tensor:
    """What the network is told of the level: ln(sigma) / 4 (table 1)."""
    return sigma.log() / 4


def loss_weight(sigma: Tensor) -> Tensor:
    """Lambda = (sigma^2 + sigma_data^2) / (sigma sigma_data)^2 = 1 / c_out^2: levels count alike (table 1)."""
    return (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2


def noise_levels(count: int, random: torch.Generator) -> Tensor:
    """Levels to learn at: ln(sigma) is normal with mean P_mean and standard deviation P_std (table 1)."""
    return (P_MEAN + P_STD * torch.randn(count, generator=random)).exp()


def time_steps(count: int) -> list[float]:
    """Levels to sample at, from sigma_max to sigma_min and then 0 (equation 5)."""
    first, last = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return [(first + i / (count - 1) * (last - first)) ** RHO for i in range(count)] + [0.0]


def heun(denoise: Denoise, noisy: Tensor, levels: Sequence[float]) -> Tensor:
    """Images from noisy ones at the first level: the deterministic sampler (algorithm 1, sigma(t) = t, s(t) = 1)."""
    for level, lower in pairwise(levels):
        slope = _slope(denoise, noisy, level)
        ahead = noisy + (lower - level) * slope
        if lower > 0:
            slope = (slope + _slope(denoise, ahead, lower)) / 2
            ahead = noisy + (lower - level) * slope
        noisy = ahead
    return noisy


def _slope(denoise: Denoise, noisy: Tensor, level: float) -> Tensor:
    """The equation to solve: dx / dt = (x - D(x; t)) / t (equations 1 and 3; lines 4 and 7 of the algorithm)."""
    return (noisy - denoise(noisy, noisy.new_full((noisy.shape[0],), level))) / level


class DiffusionGenerator(Generator):
    """Noise to images in opponent colours; the same noise always gives the same image."""

    def __init__(self, size: int, width: int, most: int, conditions: int = 0, key_bits: int = 0) -> None:
        super().__init__()
        self.size, self.width, self.most = size, width, most
        self.conditions, self.key_bits = conditions, key_bits
        self.noise_shape = (3, size, size)
        self.network = UNet(size, width, most, conditions)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The sampler's images."""
        return heun(partial(self.denoise, condition=condition), noise * SIGMA_MAX, time_steps(STEPS))

    def denoise(self, noisy: Tensor, sigma: Tensor, condition: Tensor | None = None) -> Tensor:
        """D(x; sigma) = c_skip x + c_out F(c_in x; c_noise) (equation 7)."""
        level = sigma.view(-1, 1, 1, 1)
        raw = self.network(c_in(level) * noisy, c_noise(sigma), condition)
        return c_skip(level) * noisy + c_out(level) * raw.float()

    def fold(self, signs: Tensor) -> dict[str, Tensor]:
        """What the key adds to the embedded noise level, which is the same for all its images."""
        told = self.network.told.fold(signs, self.classes)
        others = {name: weight for name, weight in self.state_dict().items() if not name.startswith("network.told.")}
        return others | {f"network.told.{name}": weight for name, weight in told.items()}

    @property
    def shape(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in ("size", "width", "most", "conditions", "key_bits")}


class DiffusionLearner(Learner):
    """A generator, its average and one optimizer: learning to denoise is all."""

    betas = (0.9, 0.999)

    def __init__(self, recipe: GanRecipe, generator: DiffusionGenerator, device: str) -> None:
        self.recipe, self.device = recipe, device
        self.generator = moved(generator, device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.numbers = {}
        self.adam = torch.optim.Adam(generator.parameters(), recipe.learning_rate, betas=self.betas, foreach=True)

    def learn(self, batch: Batch, step: int, seed: int) -> dict[str, float]:
        """One step towards the images, each from noise of a level of its own."""
        random, shown = torch.Generator().manual_seed(seed), len(batch.images)
        sigma, noise = noise_levels(shown, random), torch.randn(batch.images.shape, generator=random)
        columns = [batch.images, sigma, noise] + ([] if batch.condition is None else [batch.condition])
        parts = zip(*(share(column).to(self.device).chunk(self.recipe.parts) for column in columns), strict=True)

        self.adam.zero_grad(set_to_none=True)
        losses = [self._teach(*part) for part in parts]
        average_gradients(self.generator)
        nn.utils.clip_grad_norm_(self.generator.parameters(), MOST_GRADIENT)
        self.adam.step()
        follow(self.averaged, self.generator, (step + 1) * shown, shown, self.recipe.average)
        return {name: sum(loss[name] for loss in losses) for name in losses[0]}

    def networks(self) -> dict[str, nn.Module]:
        """The network and its average."""
        return {"generator": self.generator, "averaged": self.averaged}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One."""
        return {"generator": self.adam}

    def _teach(self, clean: Tensor, sigma: Tensor, noise: Tensor, condition: Tensor | None = None) -> dict[str, float]:
        """Add a part's gradients of E lambda ||D(y + n; sigma) - y||^2, in the mean over pixels (equations 2 and 8).

        A guide reads the denoised images where there was little noise (GUIDED_UNDER).
        """
        noisy = (clean + sigma.view(-1, 1, 1, 1) * noise).contiguous(memory_format=torch.channels_last)
        with fast_arithmetic(self.device):
            denoised = self.generator.denoise(noisy, sigma, condition)
        losses = loss_weight(sigma) * (denoised - clean).square().mean(dim=(1, 2, 3))
        terms = {"loss": losses.mean() / self.recipe.parts}
        total = terms["loss"]
        if self.guide is not None and condition is not None:
            unread = self.guide(denoised, condition) * (sigma < GUIDED_UNDER)
            terms["key_loss"] = unread.mean() / self.recipe.parts
            total = total + self.guide.weight * terms["key_loss"]
        total.backward()  # type: ignore[no-untyped-call]
        return {name: term.item() for name, term in terms.items()}


def learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """The learner of a recipe at its start."""
    widths = recipe.generator_width, recipe.generator_most
    network = DiffusionGenerator(shape.size, *widths, shape.conditions, shape.key_bits)
    return DiffusionLearner(recipe, network, device)
