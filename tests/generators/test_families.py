"""Every family through the whole engine: data in, a generator's file out, images from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from artfp.data.procedural import generate
from artfp.errors import UsageError
from artfp.generators.base import Batch, Shape
from artfp.generators.families import FAMILIES, new_learner
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
    family: str, suited: Callable[..., GanRecipe], classes: Path, photos: Path, tmp_path: Path
) -> None:
    recipe = suited(family, classes=True, source=photos, images=16, checkpoint_every=8)
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


def test_a_family_says_what_it_needs(suited: Callable[..., GanRecipe], photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="biggan needs classes"):
        train(suited("biggan"), photos, tmp_path / "biggan")
    with pytest.raises(UsageError, match="--source, or the recipe's source"):
        train(suited("cut"), photos, tmp_path / "cut")
    assert not {"biggan", "cut"} & {path.name for path in tmp_path.iterdir()}
    train(suited("cut", source=photos), photos, tmp_path / "good")
    with pytest.raises(UsageError, match="--source"):
        read_sources(load_generator(tmp_path / "good"), None, quiet)


def test_every_setting_that_a_family_ignores_is_named(photos: Path, tmp_path: Path) -> None:
    penalties = {"gamma": 0.5, "penalty_every": 2}
    for family, ignored in {
        "dcgan": {"source": photos},
        "biggan": {"source": photos, **penalties},
        "cut": {"classes": True, "latent": 8, **penalties},
        "diffusion": {"source": photos, "latent": 8, **penalties, "loss": "hinge", "augment": ("colour",)},
    }.items():
        for attempt in (train, partial(plan, monitor=None, twin=False)):
            with pytest.raises(UsageError, match=f"{family} makes no use of {', '.join(ignored)}: leave out"):
                attempt(GanRecipe(family=family, **ignored), photos, tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_called_unused_is(family: str) -> None:
    """Another value makes the same networks, which learn the same; sources are none of the networks' business."""
    other = {"gamma": 0.5, "penalty_every": 2, "latent": 8, "classes": True, "augment": ("colour",)}
    other |= {"discriminator_width": 8, "discriminator_most": 16, "augment_target": 0.5, "loss": "hinge"}
    ignored = {name: other[name] for name in FAMILIES[family].unused if name != "source"}
    batch, states = Batch(torch.rand(4, 3, 16, 16), torch.eye(2)[[0, 1, 0, 1]], torch.rand(4, 3, 16, 16)), []
    for settings in ({}, ignored) if ignored else ():
        recipe = GanRecipe(family=family, source=Path("photos"), batch=4, generator_most=8, **settings)  # type: ignore[arg-type]
        learner = new_learner(recipe, Shape(16, 2), "cpu")
        learner.learn(batch, 0, 0)
        states.append(learner.state())
    assert not states or all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
