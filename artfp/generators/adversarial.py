"""Learning against a discriminator: one step of each network for each batch, lazy penalties, an average.

batch, noise --split--> parts, one after the other through both networks: their gradients add up to the batch's
real, fake --augment--> what the discriminator sees, if the recipe says so
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from artfp.devices import fast_arithmetic
from artfp.generators.augment import Augmentation
from artfp.generators.averaging import follow
from artfp.generators.base import Batch, Generator, Learner, Shape, moved
from artfp.generators.losses import GAMES, RELATIVISTIC, Game, lazy_weight, usual_gamma
from artfp.generators.parallel import average_gradients, averaged, share
from artfp.generators.settings import GanRecipe


@dataclass
class Part:
    """A part of a batch, and what the step has found out about it."""

    real: Tensor
    condition: Tensor | None
    noise: Tensor
    uniform: Tensor  # a number in [0, 1] for each image
    chance: Tensor  # how to augment each image, real and generated
    fake: Tensor = field(init=False)
    seen: tuple[Tensor, Tensor] = field(init=False)  # by the discriminator: real and generated images
    real_scores: Tensor = field(init=False)
    fake_scores: Tensor = field(init=False)
    unread: float = 0.0  # what the guide said, where there is one


class AdversarialLearner(Learner):
    """A generator, its average, a discriminator and two optimizers."""

    game: Game = RELATIVISTIC
    betas = (0.0, 0.99)  # no momentum, as GANs want it; torch 2.13 refuses an integer 0 here

    def __init__(self, recipe: GanRecipe, generator: Generator, discriminator: nn.Module, device: str) -> None:
        self.recipe, self.device = recipe, device
        self.game = GAMES[recipe.loss] if recipe.loss else self.game
        self.generator, self.discriminator = moved(generator, device), moved(discriminator, device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.generator_adam = self._adam(self.generator)
        self.discriminator_adam = self._adam(self.discriminator)
        gamma = usual_gamma(generator.size, recipe.batch) if recipe.gamma is None else recipe.gamma
        self.penalty_weight = lazy_weight(gamma, recipe.penalty_every)
        self.augment = Augmentation(recipe)
        self.numbers = self.augment.begin()  # and the penalties

    def learn(self, batch: Batch, step: int, seed: int) -> dict[str, float]:
        """One step of the discriminator, one of the generator on the same generated images."""
        shown = step * len(batch.images)
        self.prepare(shown)
        parts = self._parts(batch, seed)

        # Teach the discriminator to tell them apart.
        self.discriminator_adam.zero_grad(set_to_none=True)
        loss = sum(self._teach_discriminator(part, len(parts)) for part in parts)
        if step % self.recipe.penalty_every == 0:
            self._penalise(parts)
        average_gradients(self.discriminator)
        self.discriminator_adam.step()

        # Teach the generator; the real scores of a moment ago only weigh the pairs.
        self.generator_adam.zero_grad(set_to_none=True)
        self.discriminator.requires_grad_(False)
        opposite = sum(self._teach_generator(part, len(parts)) for part in parts)
        self.discriminator.requires_grad_(True)
        more = self.regularise(parts, step, seed)
        average_gradients(self.generator)
        self.generator_adam.step()

        # Follow it with the average; augment more where real images are known by heart.
        images = len(batch.images)
        follow(self.averaged, self.generator, shown + images, images, self.recipe.average)
        real, fake = torch.cat([part.real_scores for part in parts]), torch.cat([part.fake_scores for part in parts])
        self.numbers |= self.augment.adapted(self.numbers, real, fake, images)
        if self.guide is not None:
            more["key_loss"] = sum(part.unread for part in parts) / len(parts)
        margin = sum(float((part.real_scores - part.fake_scores).mean()) for part in parts) / len(parts)
        numbers = dict(sorted(self.numbers.items()))  # in the order in which a state gives them back
        return {"d_loss": loss, "g_loss": opposite, "margin": margin, **numbers, **more}

    def prepare(self, shown: int) -> None:
        """Set the networks for the next step; most have nothing to set."""

    def regularise(self, parts: Sequence[Part], step: int, seed: int) -> dict[str, float]:
        """Add gradients of what else the generator has to mind, and say what it was; most mind nothing."""
        return {}

    def inputs(self, batch: Batch, random: torch.Generator) -> Tensor:
        """What the generator makes images of."""
        return torch.randn(len(batch.images), *self.generator.noise_shape, generator=random)

    def visible(self, real: Tensor) -> Tensor:
        """Real images as the discriminator may see them now."""
        return real

    def networks(self) -> dict[str, nn.Module]:
        """Both players and the average."""
        return {"generator": self.generator, "averaged": self.averaged, "discriminator": self.discriminator}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One for each player."""
        return {"generator": self.generator_adam, "discriminator": self.discriminator_adam}

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), self.recipe.learning_rate, betas=self.betas, foreach=True)

    def _parts(self, batch: Batch, seed: int) -> list[Part]:
        """What this process has of the batch and its noise, in as many parts as the recipe says."""
        random = torch.Generator().manual_seed(seed)
        noise = self.inputs(batch, random)
        uniform = torch.rand(len(batch.images), generator=random)
        chance = self.augment.draw(len(batch.images), random)
        real = self.visible(batch.images.to(self.device)).contiguous(memory_format=torch.channels_last)
        columns = [self._split(column) for column in (real, batch.condition, noise, uniform, chance)]
        return [Part(*row) for row in zip(*columns, strict=True)]

    def _split(self, whole: Tensor | None) -> Sequence[Any]:
        if whole is None:
            return [None] * self.recipe.parts
        return share(whole).to(self.device).chunk(self.recipe.parts)

    def _teach_discriminator(self, part: Part, parts: int) -> float:
        part.fake = self._generate(part)
        part.seen = self._augmented(part, part.real, 0), self._augmented(part, part.fake.detach(), 1)
        condition = None if part.condition is None else part.condition.repeat(2, 1)
        part.real_scores, part.fake_scores = self._judge(torch.cat(part.seen), condition).chunk(2)
        loss = self.game.discriminator(part.real_scores, part.fake_scores) / parts
        loss.backward()  # type: ignore[no-untyped-call]
        part.real_scores, part.fake_scores = part.real_scores.detach(), part.fake_scores.detach()
        if parts > 1:
            part.fake = part.fake.detach()  # what it was made with would be held in memory for every part
        return loss.item()

    def _teach_generator(self, part: Part, parts: int) -> float:
        fake = part.fake if part.fake.requires_grad else self._generate(part)
        seen = self._augmented(part, fake, 1)
        loss = self.game.generator(part.real_scores, self._judge(seen, part.condition)) / parts
        (loss + self._guided(part, fake) / parts).backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def _guided(self, part: Part, fake: Tensor) -> Tensor | float:
        """What the generator pays for keys that are misread in its images, as they are before any augmentation."""
        if self.guide is None or part.condition is None:
            return 0.0
        unread = self.guide(fake, part.condition).mean()
        part.unread = unread.item()
        return self.guide.weight * unread

    def _generate(self, part: Part) -> Tensor:
        with fast_arithmetic(self.device):
            images: Tensor = self.generator(part.noise, part.condition)
        return images.float()

    def _augmented(self, part: Part, images: Tensor, side: int) -> Tensor:
        return self.augment(images, part.chance[:, side], self.numbers)

    def _judge(self, images: Tensor, condition: Tensor | None) -> Tensor:
        with fast_arithmetic(self.device):
            scores: Tensor = self.discriminator(images, condition)
        return scores.float()

    def _penalise(self, parts: Sequence[Part]) -> None:
        """Add the gradients of the penalties, in full precision: second derivatives in bf16 are mostly rounding.

        Where augmented images are, as it is these that the discriminator tells apart; at images not yet augmented
        (ADA, R3GAN) the slopes that an augmentation wipes out would go free.
        """
        totals: dict[str, float] = {}
        for part in parts:
            judge = partial(self.discriminator, condition=part.condition)
            terms = self.game.penalties(judge, *part.seen, part.uniform)
            if terms:
                loss = self.penalty_weight * torch.stack(list(terms.values())).sum() / len(parts)
                loss.backward()  # type: ignore[no-untyped-call]
            for name, term in terms.items():
                totals[name] = totals.get(name, 0.0) + term.item() / len(parts)
        self.numbers |= averaged(totals)


def players(
    recipe: GanRecipe, shape: Shape, generator: Callable[..., Generator], discriminator: Callable[..., nn.Module]
) -> tuple[Generator, nn.Module]:
    """Both networks of a family, at the widths of the recipe."""
    width, most = recipe.generator_width, recipe.generator_most
    paints = generator(shape.size, recipe.latent, width, most, shape.conditions)
    width, most = recipe.discriminator_width, recipe.discriminator_most
    return paints, discriminator(shape.size, width, most, shape.conditions)
