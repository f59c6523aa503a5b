"""What the full-size recipes would cost, counted without training: operations for each image shown, hours on a GPU.

    python benchmarks/cost.py [--tflops 100]

Counts the multiplications and additions of one pass of each network (torch's counter, on the meta device: nothing is
computed), and from them those of a step: a pass back costs two passes; an adversarial step takes three passes of the
generator and nine of the discriminator, a penalty six more of it for each side every so many steps; diffusion takes
three of its network. `--tflops` is what a GPU is taken to reach, not what its maker promises. A lower bound: data,
optimizers and second derivatives of odd shapes come on top. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from artfp import recipe as recipes
from artfp.generators.adversarial import AdversarialLearner
from artfp.generators.base import Learner, Shape
from artfp.generators.diffusion import DiffusionGenerator
from artfp.generators.families import new_learner
from artfp.generators.progan import Growth
from artfp.generators.settings import FAMILIES, GanRecipe
from artfp.shipped import find_recipe

CLASSES = 10  # where a recipe wants classes
PENALISED = {"dcgan": 2, "r3gan": 2, "biggan": 0, "cut": 0}  # sides of a batch; one unless named
PAINTED = {"cut": 9}  # passes of the generator; cut also has the real image painted again
IMAGES = 8  # at a time: some families compare groups of four


def main() -> None:
    """A line for each family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tflops", type=float, default=100.0, help="10^12 operations a second that are reached")
    tflops = parser.parse_args().tflops
    print(f"| recipe | px | images | million parameters | GFLOP an image | hours at {tflops:g} TFLOP/s |")
    print("|---|---|---|---|---|---|")
    for family in FAMILIES:
        print(_line(f"{family}-gpu", tflops))


def _line(name: str, tflops: float) -> str:
    recipe = recipes.load(find_recipe(name), GanRecipe)
    parameters, each = cost(recipe)
    hours = each * recipe.images / (tflops * 1e12) / 3600
    return f"| {name} | {recipe.size} | {recipe.images:,} | {parameters / 1e6:.1f} | {each / 1e9:.1f} | {hours:,.0f} |"


def cost(recipe: GanRecipe) -> tuple[int, float]:
    """Parameters of all networks that learn, and operations for an image shown."""
    assert recipe.size is not None  # noqa: S101 - every shipped recipe says it
    recipe = replace(recipe, source=Path()) if recipe.family == "cut" else recipe
    with torch.device("meta"):
        learner = new_learner(recipe, Shape(recipe.size, CLASSES if recipe.classes else 0), "meta")
        _grow(learner, recipe.size)
        told = torch.zeros(IMAGES, CLASSES) if recipe.classes else None
        images = torch.zeros(IMAGES, 3, recipe.size, recipe.size)
        if not isinstance(learner, AdversarialLearner):
            assert isinstance(learner.generator, DiffusionGenerator)  # noqa: S101 - the one family of its kind
            each = 3 * _operations(learner.generator.network, images, torch.zeros(IMAGES), told)
        else:
            noise = torch.zeros(IMAGES, *learner.generator.noise_shape)
            judge = _operations(learner.discriminator, images, told)
            each = PAINTED.get(recipe.family, 3) * _operations(learner.generator, noise, told)
            each += (9 + 6 * PENALISED.get(recipe.family, 1) / recipe.penalty_every) * judge
    return sum(learner.parameters().values()), each


def _grow(learner: Learner, size: int) -> None:
    """Networks that grow have to know their stage, which no meta tensor does."""
    for module in (module for network in learner.networks().values() for module in network.modules()):
        if isinstance(module, Growth):
            module.side, module.alpha = torch.tensor(size, device="cpu"), torch.tensor(1.0, device="cpu")


def _operations(network: nn.Module, *given: Tensor | None) -> float:
    with FlopCounterMode(display=False) as counter:
        network(*given)
    return counter.get_total_flops() / IMAGES


if __name__ == "__main__":
    main()
