"""A whole `artfp run` in miniature, carried out without a word; for all tests that need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from artfp import pipeline
from artfp import recipe as recipes

TINY = {
    "name": "tiny",
    "key": "owner",
    "samples": 20,
    "data": {"kind": "horizons", "count": 40, "size": 32},
    "embed": {"codec": "dct"},
    "gan": {
        "size": 32,
        "images": 32,
        "batch": 8,
        "generator_width": 4,
        "generator_most": 8,
        "discriminator_width": 4,
        "discriminator_most": 8,
        "latent": 4,
        "monitor_every": 16,
        "monitor_images": 4,
        "checkpoint_every": 16,
        "log_every": 8,
    },
}


@contextmanager
def unwatched(_stage: str) -> Iterator[Callable[[int, int, str], None]]:
    """Shows no progress."""
    yield lambda done, total, note: None


def tiny() -> pipeline.RunRecipe:
    """Its recipe."""
    return recipes.parse(TINY, pipeline.RunRecipe, "tiny")


def carry_out(folder: Path, recipe: pipeline.RunRecipe | None = None) -> dict[str, pipeline.Verdict]:
    """Run it, or another."""
    return pipeline.run(recipe or tiny(), folder, None, "cpu", unwatched)
