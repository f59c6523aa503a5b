"""Fine-tuning: training a generator goes on, on images without its key, until it has forgotten it.

generator (+ a discriminator at its start) --clean images--> stage --> stage --> ... each knows all that the last did
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from artfp.attacks.adversary import OnProgress, Pixels, Scene
from artfp.attacks.attempts import whole
from artfp.attacks.released import Notes, Owner, put_down, stages
from artfp.errors import CannotError
from artfp.files import sha256_bytes
from artfp.generators.base import Generator
from artfp.generators.sampling import load_generator, write_images
from artfp.generators.settings import GanRecipe
from artfp.generators.starting import recipe_for
from artfp.generators.training import train
from artfp.seeds import derive_seed

CHECKPOINT_EVERY = 2000  # images


class Trainer(Owner):
    """Somebody who goes on training the generator."""

    def unfit(self, generator: Generator) -> str | None:
        """A generator that is told classes learns from images that are sorted into them."""
        told = "the generator is told classes, and nobody sorted the clean images into them"
        return super().unfit(generator) or (told if generator.classes else None)


class FineTuning(Trainer):
    """Goes on training with so many clean images, shown again and again."""

    unit = "images shown"

    def __init__(self, name: str, strengths: tuple[float, ...], clean: int) -> None:
        self.name, self.strengths, self.clean = name, strengths, clean
        self.knows = (
            f"The generator's weights and its family, and {clean:,} images of the same kind that carry no key; neither "
            "its discriminator, nor key or codec. In a sweep of a run they are the originals of its training images."
        )
        self.costs = (
            f"Training on up to {max(strengths):,} images shown, each about as dear as one of the generator's own."
        )

    def made(self, scene: Scene, generator: Generator, strength: float) -> tuple[Generator, Notes]:
        """The average over the training, as it is sampled everywhere."""
        clean, shown = scene.clean(self.clean), stages(self.strengths, whole(self, strength))
        folder = tuned(generator, clean, shown, self.folder(scene), scene.seed, scene.device, scene.tell)
        made = load_generator(folder).to(scene.device)
        return made, {"images_shown": shown[-1], "clean_images": len(clean)}


def tuned(
    generator: Generator, images: Pixels, shown: Sequence[int], folder: Path, seed: int, device: str, tell: OnProgress
) -> Path:
    """The training's folder in which so many images have been shown, the last of the stages.

    A stage has all networks of the one before; its optimizers start afresh.
    """
    if images.shape[1:3] != (generator.size, generator.size):
        raise CannotError(f"the images to train on are not of {generator.size} pixels, as the generator's are")
    start = put_down(generator, folder)
    data = put_images(images, folder, tell)
    for before, after in pairwise((0, *shown)):
        recipe = stage_recipe(generator, start, after - before, derive_seed(seed, "fine-tuning", after))
        start = folder / f"{after:07d}"
        train(recipe, data, start, on_progress=tell, device=device)
    return start


def stage_recipe(generator: Generator, start: Path, images: int, seed: int) -> GanRecipe:
    """What the family usually takes, for the generator's own widths."""
    usual = recipe_for(generator)
    return dataclasses.replace(usual, start=start, images=images, seed=seed, checkpoint_every=CHECKPOINT_EVERY)


def put_images(images: Pixels, folder: Path, tell: OnProgress) -> Path:
    """A folder of these images, named after them: a training of others is refused, as that of other data."""
    data = folder / f"images-{sha256_bytes(images.tobytes())[:12]}"
    if not data.is_dir():
        write_images(iter([images]), data, len(images), tell)
    return data


FINE_TUNING = (
    FineTuning("fine-tuning", (1_000, 5_000, 20_000), clean=1_000),
    FineTuning("fine-tuning-200", (1_000, 5_000), clean=200),
)
