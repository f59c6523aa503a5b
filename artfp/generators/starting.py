"""What a training begins with: all networks of an earlier training, or a generator alone.

start --read--> weights, named as in a state, and the settings that they were made with --check_settings--> alike?
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from artfp.checkpoints import prefixed
from artfp.errors import UsageError
from artfp.files import read_json
from artfp.generators.base import Generator
from artfp.generators.families import FAMILIES
from artfp.generators.folder import RECIPE, STATE, Identity, start_file
from artfp.generators.journal import read_state
from artfp.generators.sampling import load_generator
from artfp.generators.settings import GanRecipe

BUILD = (  # the settings that networks are made by
    "family",
    "size",
    "classes",
    "keyed",
    "latent",
    "generator_width",
    "generator_most",
    "discriminator_width",
    "discriminator_most",
)


def weights_of(start: Path, identity: Identity) -> dict[str, Tensor]:
    """The networks that a training may begin with, if they were made by its own settings."""
    path = start_file(start)
    if path.name == STATE:
        recipe = path.with_name(RECIPE)
        _check_settings(start, read_json(recipe) if recipe.is_file() else {}, identity)
        return read_state(path)[0]
    generator = load_generator(path)
    _check_settings(start, _settings_of(generator), identity)
    weights = generator.state_dict()
    return {**prefixed("generator", weights), **prefixed("averaged", weights)}


def _settings_of(generator: Generator) -> dict[str, Any]:
    """Of those that a generator was made by, what it knows."""
    shape, renamed = generator.shape, {"width": "generator_width", "most": "generator_most"}
    family = next(name for name, family in FAMILIES.items() if family.generator is type(generator))
    known = {"family": family, "classes": bool(generator.classes), "keyed": bool(generator.key_bits)}
    return known | {renamed.get(name, name): value for name, value in shape.items()}


def recipe_for(generator: Generator) -> GanRecipe:
    """By which somebody who has the generator alone would make one like it: what it does not tell is as usual."""
    known = _settings_of(generator)
    return GanRecipe(**{name: known[name] for name in BUILD if name in known})


def _check_settings(start: Path, earlier: Mapping[str, Any], identity: Identity) -> None:
    """Refuse networks of other settings by the settings' names, of which none is the same as false."""
    now = identity.to_dict()
    told = {name: (earlier[name] or False, now[name] or False) for name in BUILD if name in earlier}
    if others := [f"{name}: {before}, here {here}" for name, (before, here) in told.items() if before != here]:
        raise UsageError(f"{start}: its networks were made by other settings ({'; '.join(others)}); set them alike")
