"""Images a second of `dcgan` training, in float32 and in bf16, alternating in one run so that the ratio is fair.

    python benchmarks/gan.py [--sizes 32 64] [--threads 2] [--steps 24]

Counts processor seconds too: on a busy machine, and on one thread, those are the number to believe.
Prints one JSON object on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import nullcontext
from typing import Any
from unittest import mock

import torch

from artfp.devices import has_bf16
from artfp.generators.base import Batch, Shape
from artfp.generators.families import new_learner
from artfp.generators.settings import GanRecipe

ROUNDS = 3


def main() -> None:
    """Alternate the two arithmetics and keep the best round of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=24, help="a multiple of the recipe's penalty_every")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [_measure(size, arguments.steps) for size in arguments.sizes]
    print(json.dumps({"threads": arguments.threads, "load": os.getloadavg()[0], "sizes": rows}, indent=2))


def _measure(size: int, steps: int) -> dict[str, Any]:
    recipe = GanRecipe()
    learner = new_learner(recipe, Shape(size), "cpu")
    kinds = ["float32", "bf16"] if has_bf16("cpu") else ["float32"]
    best: dict[str, tuple[float, float]] = dict.fromkeys(kinds, (0.0, 0.0))
    for _ in range(ROUNDS):
        for kind in kinds:
            speeds = _speeds(learner, recipe, size, steps, plain=kind == "float32")
            best[kind] = (max(best[kind][0], speeds[0]), max(best[kind][1], speeds[1]))
    row: dict[str, Any] = {"size": size, "batch": recipe.batch, "parameters": learner.parameters()}
    for kind, (wall, processor) in best.items():
        row[kind] = {"images_per_second": round(wall, 1), "images_per_processor_second": round(processor, 1)}
    return row


def _speeds(learner: Any, recipe: GanRecipe, size: int, steps: int, *, plain: bool) -> tuple[float, float]:
    images = torch.rand(recipe.batch, 3, size, size) * 2 - 1
    replaced = mock.patch("artfp.generators.adversarial.fast_arithmetic", return_value=nullcontext())
    with replaced if plain else nullcontext():
        learner.learn(Batch(images), 1, 0)
        wall, processor = time.perf_counter(), time.process_time()
        for step in range(steps):
            learner.learn(Batch(images), step, step)
        shown = steps * recipe.batch
        return shown / (time.perf_counter() - wall), shown / (time.process_time() - processor)


if __name__ == "__main__":
    main()
