"""A trained system as one file: its tensors, and a card of everything that determines how an image is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp import recipe as recipes
from artfp.checkpoints import load_tensors, save_tensors
from artfp.errors import ArtfpError, BadInputError
from artfp.files import sha256_file
from artfp.passive.base import Attributor
from artfp.passive.classes import Preparation
from artfp.passive.registry import SYSTEMS

KIND = "passive"
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Enrolled:
    """A system that has learnt its classes."""

    system: Attributor[Any]
    preparation: Preparation  # what every image goes through first
    threshold: float  # largest scores below it say "unknown"
    trained_on: dict[str, str]  # a hash of the images of each class (`Gathering.identity`)


def new_system(name: str, settings: Any, classes: Sequence[str], size: int) -> Attributor[Any]:
    """A system at its start."""
    return SYSTEMS[name](settings, classes, size)


def save_system(path: Path, enrolled: Enrolled) -> str:
    """Write the file; its hash."""
    system = enrolled.system
    config = {
        "kind": KIND,
        "format": FORMAT,
        "system": system.name,
        "preset": system.preset,
        "settings": recipes.to_dict(system.settings),
        "immune": system.immune,
        "classes": list(system.classes),
        "preparation": enrolled.preparation.to_dict(),
        "threshold": enrolled.threshold,
        "trained_on": enrolled.trained_on,
    }
    save_tensors(path, system.state(), config)
    return sha256_file(path)


def load_system(path: Path, device: str = "cpu") -> Enrolled:
    """The system in a file that `save_system` wrote."""
    tensors, config = load_tensors(path, KIND)
    try:
        if config["format"] != FORMAT or config["system"] not in SYSTEMS:
            raise BadInputError(f"{path}: a system of another version of artfp; train it again")
        schema = type(next(iter(SYSTEMS[config["system"]].presets.values())))
        settings = recipes.parse(config["settings"], schema, str(path))
        preparation = Preparation.from_dict(config["preparation"])
        system = new_system(config["system"], settings, config["classes"], preparation.size)
        system.immune = config["immune"]
        enrolled = Enrolled(system, preparation, float(config["threshold"]), dict(config["trained_on"]))
    except (KeyError, TypeError, ValueError, AttributeError, ArtfpError) as error:
        raise BadInputError(f"{path}: not the card of a passive system ({error})") from error
    system.restore(tensors, path)
    system.to(device)
    return enrolled
