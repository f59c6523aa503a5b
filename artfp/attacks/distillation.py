"""Distillation: a student with random weights learns to paint what the generator paints of the same noise.

noise --teacher--> images --+
  |                         +-- mean |difference| --> the student's next weights --average--> the copy
  +-----student--> images --+

A mark that sits in the weights stays behind; one that sits in the images is a part of what there is to learn.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from artfp import recipe as recipes
from artfp.attacks.adversary import OnProgress, Scene
from artfp.attacks.attempts import whole
from artfp.attacks.released import Notes, Owner, put_down, stages
from artfp.files import sha256_file, working_alone, write_json
from artfp.generators.averaging import follow
from artfp.generators.base import Batch, Generator, Learner, moved
from artfp.generators.colours import to_opponent
from artfp.generators.diffusion import DiffusionGenerator
from artfp.generators.folder import DONE, FILE, RECIPE, STATE, STATS
from artfp.generators.journal import read_state
from artfp.generators.sampling import conditions, load_generator, noise, save_generator
from artfp.generators.settings import GanRecipe
from artfp.generators.starting import recipe_for
from artfp.generators.training import go_on
from artfp.ownership import check_owner
from artfp.seeds import derive_seed
from artfp.statslog import StatsLog

RATE = 1e-3  # of learning
CHECKPOINT_EVERY = 2000  # images


class Distillation(Owner):
    """Teaches a student of the generator's own shape."""

    name = "distillation"
    knows = "The generator's weights, with which he paints whatever he needs; no other images, neither key nor codec."
    unit = "images shown"

    def __init__(self, strengths: tuple[float, ...]) -> None:
        self.strengths = strengths
        self.costs = f"Training a new network on up to {max(strengths):,} images that the generator painted for it."

    def unfit(self, generator: Generator) -> str | None:
        """A student of pairs learns one pass through the network, and a sampler's many passes are another thing."""
        if isinstance(generator, DiffusionGenerator):
            return "the generator paints in many passes, and a student of pairs learns to paint in one"
        return super().unfit(generator)

    def made(self, scene: Scene, generator: Generator, strength: float) -> tuple[Generator, Notes]:
        """The student's average."""
        shown = stages(self.strengths, whole(self, strength))
        folder = distilled(generator, shown, self.folder(scene), scene.seed, scene.device, scene.tell)
        losses = [row["loss"] for row in StatsLog(folder / STATS, position="images_shown").rows()]
        return load_generator(folder).to(scene.device), {"images_shown": shown[-1], "loss": losses[-1]}


def distilled(teacher: Generator, shown: Sequence[int], folder: Path, seed: int, device: str, tell: OnProgress) -> Path:
    """The folder of a student that has seen so many images, the last of the stages; each goes on from the one before.

    Stage by stage it is exactly what it would have been in one go.
    """
    sha256 = sha256_file(put_down(teacher, folder))
    usual = recipe_for(teacher)
    recipe = dataclasses.replace(usual, seed=seed, learning_rate=RATE, checkpoint_every=CHECKPOINT_EVERY)
    for before, after in pairwise((0, *shown)):
        stage = _at(folder, after)
        with _claimed(stage, recipes.to_dict(recipe) | {"images": after, "teacher": sha256}):
            if not (stage / DONE).is_file():
                learner = Student(recipe, untaught(teacher, seed), device)
                first = _begun(learner, (stage / STATE, _at(folder, before) / STATE))
                _teach(learner, teacher, dataclasses.replace(recipe, images=after), first, stage, tell)
    return _at(folder, shown[-1])


def _at(folder: Path, shown: int) -> Path:
    """Where the student lies that has seen so many images."""
    return folder / f"{shown:07d}"


@contextmanager
def _claimed(out: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """A folder that is this student's own, and locked."""
    check_owner(out, RECIPE, settings, "a distillation")
    out.mkdir(exist_ok=True)
    with working_alone(out):
        if not (out / RECIPE).is_file():
            write_json(out / RECIPE, settings)
        (out / "samples").mkdir(exist_ok=True)
        yield


def _begun(learner: Learner, states: Sequence[Path]) -> int:
    """Go on from the first of these that is there; the steps seen so far."""
    for path in states:
        if path.is_file():
            tensors, steps = read_state(path)
            learner.restore(tensors, path)
            return steps
    return 0


def _teach(learner: Learner, teacher: Generator, recipe: GanRecipe, first: int, out: Path, tell: OnProgress) -> None:
    """Go on to the end of the recipe; the completion marker is written last."""
    go_on(learner, recipe, first, Pairs(teacher, recipe.batch, recipe.seed), out, on_progress=tell)
    facts = {"images_shown": recipe.images}
    sha256 = save_generator(out / FILE, learner.averaged, recipe.family, facts)
    write_json(out / DONE, {"sha256": sha256, **facts})


def untaught(generator: Generator, seed: int) -> Generator:
    """A generator of the same shape, with weights as they are drawn at the start of a training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "student"))
        return type(generator)(**generator.shape)


class Pairs:
    """Noise, and what the teacher paints of it: fresh in every batch, and never of the noise of samples."""

    def __init__(self, teacher: Generator, batch: int, seed: int) -> None:
        self.teacher, self.batch, self.seed = teacher, batch, derive_seed(seed, "pairs")
        self.device = next(teacher.parameters()).device

    @torch.no_grad()
    def __getitem__(self, step: int) -> Batch:
        """Batch `step`."""
        indices = range(step * self.batch, (step + 1) * self.batch)
        drawn, told = noise(self.teacher, self.seed, indices), conditions(self.teacher, self.seed, indices)
        images = self.teacher.generate(drawn.to(self.device), None if told is None else told.to(self.device))
        return Batch(to_opponent(images), told, drawn)


class Student(Learner):
    """A generator that learns from pairs, in full precision: a mark is finer than what bf16 can tell."""

    def __init__(self, recipe: GanRecipe, generator: Generator, device: str) -> None:
        self.recipe, self.device, self.numbers = recipe, device, {}
        self.generator = moved(generator, device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.adam = torch.optim.Adam(self.generator.parameters(), recipe.learning_rate, foreach=True)

    def learn(self, batch: Batch, step: int, seed: int) -> dict[str, float]:  # noqa: ARG002 - nothing is drawn here
        """One step towards the teacher's images."""
        self.adam.zero_grad(set_to_none=True)
        loss = difference(self.generator, batch, self.device)
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        shown = len(batch.images)
        follow(self.averaged, self.generator, (step + 1) * shown, shown, self.recipe.average)
        return {"loss": loss.item()}

    def networks(self) -> dict[str, nn.Module]:
        """The student and its average."""
        return {"generator": self.generator, "averaged": self.averaged}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One."""
        return {"generator": self.adam}


def difference(generator: Generator, batch: Batch, device: str) -> Tensor:
    """The mean absolute difference between what it paints of a batch's noise and the batch, in opponent colours."""
    assert batch.sources is not None  # noqa: S101 - `Pairs` gives it
    told = None if batch.condition is None else batch.condition.to(device)
    return (generator(batch.sources.to(device), told) - batch.images.to(device)).abs().mean()


DISTILLATION = (Distillation((5_000, 20_000, 50_000)),)
