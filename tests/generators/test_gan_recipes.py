"""The shipped recipes of generators."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import torch

from artfp import recipe as recipes
from artfp.errors import UsageError
from artfp.generators.base import Shape
from artfp.generators.families import new_learner
from artfp.generators.settings import FAMILIES, GanRecipe
from artfp.shipped import shipped_folder

PURPOSES = {"cpu": range(10_000, 5_000_000), "gpu": range(100_000, 100_000_000), "32": range(10_000, 5_000_000)}
SHIPPED = sorted(path for path in shipped_folder("recipes").glob("*.toml") if path.stem.rsplit("-")[-1] in PURPOSES)
SHIPPED = [path for path in SHIPPED if not path.stem.startswith("codec-")]


def test_every_family_has_one_for_a_cpu_and_one_for_a_gpu() -> None:
    expected = {f"{family}-{kind}" for family in FAMILIES for kind in ("cpu", "gpu")}
    assert {path.stem for path in SHIPPED} == expected | {"gan-32", "dcgan-keyed-cpu", "dcgan-keyed-32"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_sound(path: Path) -> None:
    """Its networks are built on the meta device, where even the largest cost nothing."""
    recipe = recipes.load(path, GanRecipe)
    assert recipe.data is None
    assert recipe.source is None
    assert recipe.size is not None
    family = f"{recipe.family}-keyed" if recipe.keyed else recipe.family
    assert path.stem in (f"gan-{recipe.size}", f"{family}-cpu", f"{family}-gpu", f"{family}-{recipe.size}")
    recipe = dataclasses.replace(recipe, source=path) if recipe.family == "cut" else recipe
    key_bits = 64 if recipe.keyed else 0
    shape = Shape(recipe.size, (10 if recipe.classes else 0) + key_bits, key_bits)
    with torch.device("meta"):
        parameters = new_learner(recipe, shape, "meta").parameters()
    assert all(count in PURPOSES[path.stem.rsplit("-")[-1]] for count in parameters.values())


def test_the_docs_list_every_recipe_with_what_it_says() -> None:
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    for path in shipped_folder("recipes").glob("*.toml"):
        assert f"`{path.stem}`" in text or f"| {path.stem} |" in text, path
    for path in SHIPPED:
        recipe = recipes.load(path, GanRecipe)
        row = re.search(rf"^\| `?{path.stem}`? \| {recipe.size} \| {recipe.images:,} \|", text, flags=re.M)
        assert row or path.stem == "gan-32", path


def test_everything_wrong_with_a_recipe_is_said_at_once() -> None:
    values = {"batch": 1, "size": 48, "learning_rate": 2, "gamma": -1, "family": "oracle", "speed": 9}
    with pytest.raises(UsageError, match=r"6 problem\(s\)") as caught:
        recipes.parse(values, GanRecipe, "x.toml")
    assert all(f"  {name}: " in str(caught.value) for name in values)
