"""What a training begins with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from artfp.generators.base import Shape
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.settings import GanRecipe
from artfp.generators.starting import recipe_for


@pytest.mark.parametrize("family", FAMILIES)
def test_the_recipe_for_a_generator_makes_another_of_its_shape(family: str, suited: Callable[..., GanRecipe]) -> None:
    first = new_learner(suited(family, source=Path("photos")), Shape(16, 2), "cpu").averaged
    recipe = dataclasses.replace(recipe_for(first), source=Path("photos"))
    assert recipe.classes == (family != "cut")
    second = new_learner(recipe, Shape(16, 2), "cpu").averaged
    assert type(second) is type(first)
    assert second.shape == first.shape
