"""The transfer monitor inside `train-gan`: what its looks cost of a training."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from artfp import recipe as recipes
from artfp.codec.store import load_codec
from artfp.generators import training
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Monitor, monitor_for
from artfp.shipped import find_recipe
from benchmarks.speed.figures import Figure, in_turns, seconds
from benchmarks.speed.material import KEY, keys_in, mark, painted

SHOWN = 16_000  # images: two looks
EVERY, LOOKED_AT = 8_000, 64
SIDE, IMAGES = 32, 1024
MOST = 0.02


def monitor(folder: Path) -> Figure:
    """A training of some seconds with and without it."""
    recipe = recipes.load(find_recipe("gan-32"), GanRecipe)
    recipe = replace(recipe, images=SHOWN, monitor_every=EVERY, monitor_images=LOOKED_AT, checkpoint_every=SHOWN)
    eye, places = _monitor(folder), iter(range(1000))

    def train(watch: Monitor | None, _count: int) -> None:
        training.train(recipe, folder / "gan-data", folder / f"gan-{next(places)}", watch)

    with_it, without = in_turns([partial(seconds, partial(train, each), SHOWN) for each in (eye, None)])
    details = {"seconds with": round(with_it, 2), "without": round(without, 2), "images shown": SHOWN}
    what = f"transfer monitor, {LOOKED_AT} samples per {EVERY:,} images"
    return Figure("monitor", what, "the training without", with_it / without - 1, MOST, at_least=False, details=details)


def _monitor(folder: Path) -> Monitor:
    source, target = painted(folder, IMAGES, SIDE), folder / "gan-data"
    mark(source, target, load_codec("artfp-64"), strength=3.0)
    with keys_in(folder) as registry:
        return monitor_for(target, registry, KEY, None)
