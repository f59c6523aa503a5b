"""A training that takes a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from artfp.data.procedural import generate
from artfp.generators.families import FAMILIES
from artfp.generators.settings import GanRecipe

TINY: dict[str, Any] = {
    "images": 46,
    "batch": 4,
    "latent": 8,
    "generator_width": 4,
    "generator_most": 8,
    "discriminator_width": 4,
    "discriminator_most": 8,
    "penalty_every": 3,
    "log_every": 8,
    "monitor_every": 20,
    "monitor_images": 8,
    "checkpoint_every": 16,
}


@pytest.fixture
def tiny() -> GanRecipe:
    """Twelve steps, checkpoints after four, eight and twelve."""
    return GanRecipe(**TINY)


@pytest.fixture
def suited(tiny: GanRecipe) -> Callable[..., GanRecipe]:
    """Makes the tiny recipe one for a family, with these settings; without those that it makes no use of."""

    def made(family: str, **settings: Any) -> GanRecipe:
        usual = {name: getattr(GanRecipe(), name) for name in FAMILIES[family].unused}
        return replace(tiny, family=family, **settings | usual)

    return made


@pytest.fixture
def photos(tmp_path: Path, write_pngs: Callable[[Path, NDArray[np.uint8]], list[Path]]) -> Path:
    """A folder of ten images of 16 px."""
    write_pngs(tmp_path / "photos", np.stack(list(generate("photo-like", 10, 16, seed=3))))
    return tmp_path / "photos"
