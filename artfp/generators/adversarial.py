"""Learning against a discriminator: relativistic loss, lazy penalties, one step of each network for each batch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from artfp.checkpoints import adam_state, load_into, prefixed, restore_adam, under
from artfp.devices import fast_arithmetic
from artfp.generators.base import Generator, Learner
from artfp.generators.losses import discriminator_loss, generator_loss, gradient_penalty, lazy_weight, usual_gamma
from artfp.generators.settings import GanRecipe

BETAS = (0.0, 0.99)  # no momentum, as GANs want it; torch 2.13 refuses an integer 0 here
WARM_UP = 0.05  # the average's half-life is at most this part of all images shown


class AdversarialLearner(Learner):
    """A generator, its average, a discriminator and two optimizers."""

    def __init__(self, recipe: GanRecipe, generator: Generator, discriminator: nn.Module, device: str) -> None:
        self.recipe, self.device = recipe, device
        self.generator: Generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminator = discriminator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.generator_adam = self._adam(self.generator)
        self.discriminator_adam = self._adam(self.discriminator)
        gamma = usual_gamma(generator.size, recipe.batch) if recipe.gamma is None else recipe.gamma
        self.penalty_weight = lazy_weight(gamma, recipe.penalty_every)
        self.penalties = torch.zeros(2)  # R1 and R2 as last measured

    def learn(self, images: Tensor, step: int, seed: int) -> dict[str, float]:
        """One step of the discriminator, one of the generator on the same generated images."""
        images = images.to(self.device).contiguous(memory_format=torch.channels_last)
        fake = self._generate(len(images), seed)

        # Teach the discriminator to tell them apart.
        real_scores, fake_scores = self._judge(torch.cat([images, fake.detach()])).chunk(2)
        loss = discriminator_loss(real_scores, fake_scores)
        self.discriminator_adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if step % self.recipe.penalty_every == 0:
            self._penalise(images, fake.detach())
        self.discriminator_adam.step()

        # Teach the generator; the real scores of a moment ago only weigh the pairs.
        self.discriminator.requires_grad_(False)
        generator_scores = self._judge(fake)
        self.discriminator.requires_grad_(True)
        opposite = generator_loss(real_scores.detach(), generator_scores)
        self.generator_adam.zero_grad(set_to_none=True)
        opposite.backward()  # type: ignore[no-untyped-call]
        self.generator_adam.step()

        # Follow it with the average.
        self._average((step + 1) * len(images), len(images))
        margin = (real_scores - fake_scores).mean()
        r1, r2 = self.penalties.tolist()
        return {"d_loss": loss.item(), "g_loss": opposite.item(), "margin": margin.item(), "r1": r1, "r2": r2}

    def state(self) -> dict[str, Tensor]:
        """Both networks, the average, both optimizers, the last penalties."""
        return {
            **prefixed("generator", self.generator.state_dict()),
            **prefixed("averaged", self.averaged.state_dict()),
            **prefixed("discriminator", self.discriminator.state_dict()),
            **prefixed("generator-adam", adam_state(self.generator_adam)),
            **prefixed("discriminator-adam", adam_state(self.discriminator_adam)),
            "penalties": self.penalties,
        }

    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Go on where `state` was taken."""
        load_into(self.generator, under("generator", state), path)
        load_into(self.averaged, under("averaged", state), path)
        load_into(self.discriminator, under("discriminator", state), path)
        restore_adam(self.generator_adam, under("generator-adam", state))
        restore_adam(self.discriminator_adam, under("discriminator-adam", state))
        self.penalties = state["penalties"]

    def parameters(self) -> dict[str, int]:
        """How many parameters each network has."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), self.recipe.learning_rate, betas=BETAS, foreach=True)

    def _generate(self, count: int, seed: int) -> Tensor:
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(count, *self.generator.noise_shape, generator=random).to(self.device)
        with fast_arithmetic(self.device):
            images: Tensor = self.generator(noise)
        return images.float()

    def _judge(self, images: Tensor) -> Tensor:
        with fast_arithmetic(self.device):
            scores: Tensor = self.discriminator(images)
        return scores.float()

    def _penalise(self, real: Tensor, fake: Tensor) -> None:
        """Add the gradients of R1 and R2, in full precision: second derivatives in bf16 are mostly rounding."""
        r1, r2 = gradient_penalty(self.discriminator, real), gradient_penalty(self.discriminator, fake)
        loss = self.penalty_weight * (r1 + r2)
        loss.backward()  # type: ignore[no-untyped-call]
        self.penalties = torch.stack([r1.detach(), r2.detach()]).cpu()

    @torch.no_grad()
    def _average(self, shown: int, batch: int) -> None:
        keep = kept_share(batch, self.recipe.average, shown)
        for mean, weight in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(weight, 1 - keep)


def kept_share(batch: int, half_life: float, shown: int) -> float:
    """What the average keeps of itself over a batch; its half-life grows with the images shown, to `half_life`."""
    half_life = min(half_life, WARM_UP * shown)
    return 0.5 ** (batch / half_life) if half_life > 0 else 0.0
