"""What adversaries share who have the generator itself: its weights, without the discriminator that taught it.

generator --he trains, or mixes--> another --noise of the scene's seed--> images
    |---------------------------------------noise of the same seed--> images before

What he trains lies in a folder of his own in the scene's scratch, with a folder for each stage: a strength goes on from
the one below it, one that was interrupted from its last checkpoint, and one that is there is not trained again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from artfp.attacks.adversary import Adversary, Attempt, Pixels, Scene
from artfp.errors import CannotError, UsageError
from artfp.generators.base import Generator
from artfp.generators.families import FAMILIES
from artfp.generators.folder import FILE
from artfp.generators.sampling import load_generator, sample, save_generator
from artfp.generators.starting import recipe_for
from artfp.robustness import REMOVAL

Notes = Mapping[str, float | int | str | bool | None]


class Owner(Adversary):
    """Somebody who has the generator, and makes another of it, of the same shape."""

    aim = REMOVAL
    needs = ("generator",)

    def missing(self, scene: Scene) -> str | None:
        """Where there is a generator, what is missing may be one that he can work with."""
        return super().missing(scene) or (self.unfit(scene.generator) if scene.generator else None)

    def unfit(self, generator: Generator) -> str | None:
        """Why he can do nothing with it; None where he can."""
        if all(family.generator is not type(generator) for family in FAMILIES.values()):
            return "the generator is of none of the families that are trained here"
        if generator.reads_images:
            return "the generator translates images, and there are none for it to translate"
        if generator.key_bits:
            return "a keyed generator stays with its publisher; what others have is a copy with one key"
        return None

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """As many images of his as there are in the scene, beside what the generator makes of the same noise."""
        generator = released(scene)
        made, notes = self.made(scene, generator, strength)
        if alike(made, generator):
            raise CannotError(f"{self.name} at {strength:g} changed no weight")
        return Attempt(samples(made, scene), samples(generator, scene), notes=notes)

    @abstractmethod
    def made(self, scene: Scene, generator: Generator, strength: float) -> tuple[Generator, Notes]:
        """The generator that he makes, and what is to be told of it."""

    def folder(self, scene: Scene) -> Path:
        """Where what he trains lies."""
        return scene.scratch / self.name


def released(scene: Scene) -> Generator:
    """The scene's generator, which `needs` has seen to."""
    if scene.generator is None:
        raise CannotError("there is no generator")
    return scene.generator


def samples(generator: Generator, scene: Scene) -> Pixels:
    """As many of its images as there are in the scene, of the noise of the scene's seed."""
    return np.concatenate(list(sample(generator, len(scene.images), scene.seed)))


def stages(strengths: Sequence[float], strength: float) -> list[int]:
    """The images shown by the end of each stage: one for every smaller strength, so that they share a training."""
    return [round(one) for one in sorted({*(one for one in strengths if one < strength), strength})]


def put_down(generator: Generator, folder: Path) -> Path:
    """The generator's file, with which trainings in this folder begin; refuses a folder of another generator."""
    path = folder / FILE
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        save_generator(path, generator, recipe_for(generator).family, {})
    elif not alike(load_generator(path), generator):
        raise UsageError(f"{folder}: holds what was made of another generator; choose another folder")
    return path


def alike(first: Generator, second: Generator) -> bool:
    """Whether all their tensors are equal."""
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name].cpu(), theirs[name].cpu()) for name in ours)
