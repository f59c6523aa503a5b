"""The shipped recipes of generators."""

from __future__ import annotations

from pathlib import Path

import pytest

from artfp import recipe as recipes
from artfp.errors import UsageError
from artfp.generators.base import Shape
from artfp.generators.families import new_learner
from artfp.generators.settings import GanRecipe
from artfp.shipped import shipped_folder

SHIPPED = sorted(shipped_folder("recipes").glob("gan-*.toml"))


def test_none_is_left_out() -> None:
    assert [path.stem for path in SHIPPED] == ["gan-32", "gan-64"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_sound(path: Path) -> None:
    recipe = recipes.load(path, GanRecipe)
    assert recipe.data is None
    assert recipe.size is not None
    assert path.stem == f"gan-{recipe.size}"
    parameters = new_learner(recipe, Shape(recipe.size), "cpu").parameters()
    assert all(10_000 < count < 10_000_000 for count in parameters.values())


def test_everything_wrong_with_a_recipe_is_said_at_once() -> None:
    values = {"batch": 1, "size": 48, "learning_rate": 2, "gamma": -1, "family": "oracle", "speed": 9}
    with pytest.raises(UsageError, match=r"6 problem\(s\)") as caught:
        recipes.parse(values, GanRecipe, "x.toml")
    assert all(f"  {name}: " in str(caught.value) for name in values)
