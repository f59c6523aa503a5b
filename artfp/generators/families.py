"""Every family of generators, by name."""

from __future__ import annotations

import torch

from artfp.errors import UsageError
from artfp.generators import biggan, cut, dcgan, diffusion, progan, r3gan, stylegan2
from artfp.generators.base import Family, Learner, Shape
from artfp.generators.settings import GanRecipe
from artfp.seeds import derive_seed

PENALTIES = ("gamma", "penalty_every")  # of gradients
DISCRIMINATOR = (*PENALTIES, "loss", "discriminator_width", "discriminator_most", "augment", "augment_target")

FAMILIES: dict[str, Family] = {
    "dcgan": Family(dcgan.DcganGenerator, dcgan.learner, keyed=True),
    "progan": Family(progan.ProganGenerator, progan.learner),
    "stylegan2": Family(stylegan2.Stylegan2Generator, stylegan2.learner, keyed=True),
    "r3gan": Family(r3gan.R3ganGenerator, r3gan.learner),
    "biggan": Family(biggan.BigganGenerator, biggan.learner, unused=("source", *PENALTIES)),
    "cut": Family(cut.CutGenerator, cut.learner, unused=("classes", "latent", *PENALTIES)),
    "diffusion": Family(
        diffusion.DiffusionGenerator, diffusion.learner, keyed=True, unused=("source", "latent", *DISCRIMINATOR)
    ),
}


def check_used(recipe: GanRecipe) -> None:
    """Refuse settings that the family would silently ignore."""
    usual = GanRecipe(family=recipe.family)
    given = [name for name in FAMILIES[recipe.family].unused if getattr(recipe, name) != getattr(usual, name)]
    if given:
        raise UsageError(f"{recipe.family} makes no use of {', '.join(given)}: leave out what would change nothing")


def new_learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """The learner of a recipe at its start, whatever has been drawn before."""
    if shape.key_bits and not FAMILIES[recipe.family].keyed:
        able = ", ".join(name for name, family in FAMILIES.items() if family.keyed)
        raise UsageError(f"keyed: {recipe.family} cannot be told a key; those that can are {able}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(recipe.seed, "gan-start"))
        return FAMILIES[recipe.family].learner(recipe, shape, device)


def planned_learner(recipe: GanRecipe, shape: Shape, device: str) -> Learner:
    """The same without any numbers in it: what can be said of the largest networks costs nothing."""
    with torch.device("meta"):
        return new_learner(recipe, shape, device)
