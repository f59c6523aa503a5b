"""What every row of a benchmark of trainings needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from artfp import recipe as recipes
from artfp.generators.settings import GanRecipe
from artfp.keys.registry import Registry
from artfp.shipped import find_recipe
from benchmarks.measuring.data import COLLECTIONS, Collection
from benchmarks.measuring.progress import Tell
from benchmarks.measuring.reading import Eye


def shipped_recipe(name: str) -> GanRecipe:
    """The recipe of this name, or at this path."""
    return recipes.load(find_recipe(name), GanRecipe)


@dataclass(frozen=True, eq=False)
class Bench:
    """Data, keys, and who looks at what comes out."""

    data: Path  # the folder of the zips
    scratch: Path
    registry: Registry
    device: str
    eye: Eye | None
    tell: Callable[[str], Tell]  # for a stage, a function of (done, total, note)
    recipe: Callable[[str], GanRecipe] = shipped_recipe
    collections: Mapping[str, Collection] = field(default_factory=lambda: COLLECTIONS)
