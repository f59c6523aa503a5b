"""Every family of generators, by name."""

from __future__ import annotations

import torch

from artfp.generators.adversarial import AdversarialLearner
from artfp.generators.base import Family, Learner, Shape
from artfp.generators.dcgan import DcganDiscriminator, DcganGenerator
from artfp.generators.settings import GanRecipe
from artfp.seeds import derive_seed


def _dcgan(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    width, most = recipe.generator_width, recipe.generator_most
    generator = DcganGenerator(shape.size, recipe.latent, width, most, shape.conditions)
    width, most = recipe.discriminator_width, recipe.discriminator_most
    discriminator = DcganDiscriminator(shape.size, width, most, shape.conditions)
    return AdversarialLearner(recipe, generator, discriminator, device)


FAMILIES: dict[str, Family] = {"dcgan": Family(DcganGenerator, _dcgan)}


def new_learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """The learner of a recipe at its start, the same on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.seed, "gan-start"))
        return FAMILIES[recipe.family].learner(recipe, shape, device)
