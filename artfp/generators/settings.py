"""The settings of a generator's training; no torch, so that a plan costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from artfp.recipe import setting

FAMILIES = ("dcgan", "progan", "stylegan2", "r3gan", "biggan", "cut", "diffusion")
SIZES = (16, 32, 64, 128, 256)
AUGMENTATIONS = ("colour", "translation", "cutout")
LOSSES = ("relativistic", "logistic", "wasserstein", "hinge")


@dataclass(frozen=True)
class GanRecipe:
    """Everything that determines a trained generator but its images. All budgets count images, never seconds."""

    seed: int = setting(0, low=0)
    family: str = setting("dcgan", choices=FAMILIES)
    data: Path | None = setting(None)
    source: Path | None = setting(None)  # images that an image-conditional generator translates
    start: Path | None = setting(None)  # a training's folder, or a generator's file, whose networks to begin with
    size: int | None = setting(None, choices=SIZES)  # none: that of the first image
    resize: bool = setting(False)  # resizing after embedding weakens the fingerprint
    classes: bool = setting(False)  # tell both networks the class of each image
    keyed: bool | None = setting(None)  # tell them its own key too, of data marked with --key-per image; none: no
    guided: float | None = setting(None, low=0, high=100)  # weight of what the codec misreads of keys; none: 0
    mirror: bool = setting(False)  # flip each shown image with probability one half
    augment: tuple[str, ...] | None = setting(None)  # which AUGMENTATIONS of all that the discriminator sees
    augment_target: float | None = setting(None, low=0, high=1)  # of r_t, by adapting their p; none: p = 1
    images: int = setting(100_000, low=1)  # shown to the discriminator
    batch: int = setting(16, low=2, high=4096)
    parts: int = setting(1, low=1, high=256)  # of a batch, one after the other, where it does not fit into memory
    learning_rate: float = setting(3e-4, low=1e-8, high=1)
    loss: str | None = setting(None, choices=LOSSES)  # what the networks play for; none: the family's own
    gamma: float | None = setting(None, low=0, high=1e6)  # of the gradient penalties; none: `usual_gamma`
    penalty_every: int = setting(16, low=1, high=1024)  # steps
    average: int = setting(2000, low=0)  # images after which a generator's share in the average has halved
    latent: int = setting(64, low=1, high=4096)
    generator_width: int = setting(24, low=4, high=1024)  # channels at full size, doubled at every halving ...
    generator_most: int = setting(192, low=4, high=4096)  # ... up to this
    discriminator_width: int = setting(32, low=4, high=1024)  # channels at half size, doubled likewise ...
    discriminator_most: int = setting(192, low=4, high=4096)  # ... up to this
    log_every: int = setting(1000, low=1)
    monitor_every: int = setting(5000, low=1)
    monitor_images: int = setting(128, low=2, high=65536)
    checkpoint_every: int = setting(10_000, low=1)


def steps_of(recipe: GanRecipe) -> int:
    """Of the whole training."""
    return -(-recipe.images // recipe.batch)


def due(step: int, every: int, recipe: GanRecipe) -> bool:
    """Whether a multiple of `every` images is reached in this step, or the end."""
    before, after = step * recipe.batch, (step + 1) * recipe.batch
    return after // every > before // every or step + 1 == steps_of(recipe)
