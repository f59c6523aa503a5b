"""Every family through the whole engine: data in, a generator's file out, images from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from artfp.data.procedural import generate
from artfp.errors import UsageError
from artfp.generators.families import FAMILIES
from artfp.generators.sampling import load_generator, read_sources, sample
from artfp.generators.settings import GanRecipe
from artfp.generators.training import plan, train


def quiet(done: int, total: int, note: str) -> None:
    pass


@pytest.fixture
def classes(tmp_path: Path, write_pngs: Callable[[Path, np.ndarray], list[Path]]) -> Path:
    """Two folders of eight images."""
    images = np.stack(list(generate("photo-like", 16, 16, seed=3)))
    for name, some in (("ash", images[:8]), ("oak", images[8:])):
        write_pngs(tmp_path / "classes" / name, some)
    return tmp_path / "classes"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_trains_resumes_and_samples(
    family: str, tiny: GanRecipe, classes: Path, photos: Path, tmp_path: Path
) -> None:
    recipe = replace(tiny, family=family, classes=True, source=photos, images=16, checkpoint_every=8)
    out = tmp_path / "out"
    assert plan(recipe, classes, out, None, twin=False).parameters["generator"] > 0

    def stop(done: int, total: int, note: str) -> None:
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, classes, tmp_path / "stopped", on_progress=stop)
    digests = {train(recipe, classes, folder).sha256 for folder in (out, tmp_path / "stopped")}
    assert len(digests) == 1
    generator = load_generator(out)
    sources = read_sources(generator, photos, quiet)
    images = np.concatenate(list(sample(generator, 3, 0, sources=sources)))
    assert (images.shape, images.dtype) == ((3, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(images[2:], np.concatenate(list(sample(generator, 1, 0, 2, sources=sources))))


def test_a_family_says_what_it_needs(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="biggan needs classes"):
        train(replace(tiny, family="biggan"), photos, tmp_path / "biggan")
    with pytest.raises(UsageError, match="must name their source"):
        train(replace(tiny, family="cut"), photos, tmp_path / "cut")
    assert not {"biggan", "cut"} & {path.name for path in tmp_path.iterdir()}
    train(replace(tiny, family="cut", source=photos), photos, tmp_path / "good")
    with pytest.raises(UsageError, match="--source"):
        read_sources(load_generator(tmp_path / "good"), None, quiet)
