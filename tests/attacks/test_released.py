"""Adversaries who have the generator: one contract for all of them, over tiny networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from artfp.attacks.adversary import Scene
from artfp.attacks.collusion import COLLUSION, Collusion
from artfp.attacks.distillation import DISTILLATION, Distillation
from artfp.attacks.fine_tuning import FINE_TUNING, FineTuning
from artfp.attacks.released import Owner, alike, samples, stages
from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.errors import ArtfpError, CannotError, UsageError
from artfp.generators.base import Generator, Shape
from artfp.generators.cut import CutGenerator
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.diffusion import DiffusionGenerator
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.settings import GanRecipe
from artfp.robustness import REMOVAL

OWNERS: tuple[Owner, ...] = (
    FineTuning("fine-tuning", (16, 48), clean=20),
    Distillation((16, 48)),
    Collusion((0.25, 0.5), clean=20, shown=32),
)
every = pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.name)


class StopError(Exception):
    """Stands for whatever ends a process."""


def tiny(seed: int = 1, **told: int) -> DcganGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return DcganGenerator(16, 8, 4, 8, **told).requires_grad_(False).eval()


def clean(count: int) -> np.ndarray:
    return np.stack(list(generate("photo-like", count, 16, seed=3)))


@pytest.fixture
def scene(dct: DctCodec, tmp_path: Path) -> Scene:
    """Forty images; all that is trained lies in a folder of the test."""
    bits, generator = np.random.default_rng(4).integers(0, 2, 64, np.uint8), tiny()
    images, folder = clean(40), tmp_path / "scratch"
    folder.mkdir()
    return Scene(dct, bits, images, None, clean, clean, generator, None, folder, 5, "cpu", lambda *_: None)


def counting(told: list[str]) -> Callable[[int, int, str], None]:
    """Remembers the steps of trainings."""
    return lambda done, total, note: told.append(note) if "images/s" in note else None


def stopping(scene: Scene, after: int) -> Scene:
    """Ends in the middle of a training, after so many steps."""
    told: list[str] = []

    def tell(done: int, total: int, note: str) -> None:
        counting(told)(done, total, note)
        if len(told) == after:
            raise StopError

    return dataclasses.replace(scene, tell=tell)


@pytest.mark.parametrize("owner", [*FINE_TUNING, *DISTILLATION, *COLLUSION], ids=lambda owner: owner.name)
def test_what_he_knows_and_pays_is_told_in_sentences(owner: Owner) -> None:
    assert list(owner.strengths) == sorted(set(owner.strengths))
    assert owner.aim == REMOVAL
    for told in (owner.knows, owner.costs):
        assert told.endswith(".")
        assert told[0].isupper()


@every
def test_he_makes_another_generator_whose_images_are_told_beside_those_of_before(owner: Owner, scene: Scene) -> None:
    kept = {name: weight.clone() for name, weight in scene.generator.state_dict().items()}
    attempt = owner(scene, owner.strengths[-1])
    assert attempt.images.shape == scene.images.shape
    assert attempt.images.dtype == np.uint8
    np.testing.assert_array_equal(attempt.before, samples(scene.generator, scene))
    assert not np.array_equal(attempt.images, attempt.before)
    assert all(torch.equal(weight, kept[name]) for name, weight in scene.generator.state_dict().items())


@every
@pytest.mark.parametrize("strength", [-1.0, 0.0, float("nan")])
def test_a_strength_that_means_nothing_is_an_error(owner: Owner, scene: Scene, strength: float) -> None:
    with pytest.raises(CannotError):
        owner(scene, strength)


@every
def test_the_same_seed_gives_the_same_images_and_another_gives_others(
    owner: Owner, scene: Scene, tmp_path: Path
) -> None:
    """Whatever strengths were tried before."""
    first = [owner(scene, strength) for strength in owner.strengths][-1]
    for seed, scratch in ((5, tmp_path / "again"), (6, tmp_path / "other")):
        scratch.mkdir()
        second = owner(dataclasses.replace(scene, scratch=scratch, seed=seed), owner.strengths[-1])
        assert np.array_equal(first.images, second.images) == (seed == 5)
        assert (first.notes == second.notes) == (seed == 5 or isinstance(owner, FineTuning))


@every
def test_what_is_trained_is_not_trained_again(owner: Owner, scene: Scene) -> None:
    told: list[str] = []
    scene = dataclasses.replace(scene, tell=counting(told))
    attempts = [owner(scene, owner.strengths[0])]
    steps = len(told)
    assert steps == (2 if isinstance(owner, Collusion) else 1)
    attempts.append(owner(scene, owner.strengths[0]))
    np.testing.assert_array_equal(attempts[0].images, attempts[1].images)
    owner(scene, owner.strengths[1])
    assert len(told) == (2 if isinstance(owner, Collusion) else 3)


@every
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(
    owner: Owner, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artfp.attacks.fine_tuning.CHECKPOINT_EVERY", 16)
    monkeypatch.setattr("artfp.attacks.distillation.CHECKPOINT_EVERY", 16)
    straight = owner(scene, owner.strengths[-1])
    scratch, told = tmp_path / "stopped", list[str]()
    scratch.mkdir()
    stopped = dataclasses.replace(scene, scratch=scratch)
    with pytest.raises(StopError):
        owner(stopping(stopped, 2), owner.strengths[-1])
    again = owner(dataclasses.replace(stopped, tell=counting(told)), owner.strengths[-1])
    np.testing.assert_array_equal(again.images, straight.images)
    assert 0 < len(told) < 3


@every
def test_a_folder_of_another_generator_is_refused(owner: Owner, scene: Scene) -> None:
    owner(scene, owner.strengths[0])
    with pytest.raises(UsageError, match="another generator"):
        owner(dataclasses.replace(scene, generator=tiny(2)), owner.strengths[0])


def test_a_folder_of_another_seed_is_refused(scene: Scene) -> None:
    for owner in OWNERS:
        owner(scene, owner.strengths[0])
        with pytest.raises(UsageError, match="seed"):
            owner(dataclasses.replace(scene, seed=6), owner.strengths[0])


def test_other_clean_images_than_before_are_refused(scene: Scene) -> None:
    owner = OWNERS[0]
    owner(scene, 16)
    with pytest.raises(UsageError, match="data"):
        owner(dataclasses.replace(scene, clean=lambda count: clean(count)[::-1].copy()), 16)


class Foreign(DcganGenerator):
    """Of no family."""


UNFIT: tuple[tuple[Generator | None, str, set[str]], ...] = (
    (None, "no generator", {"fine-tuning", "distillation", "collusion"}),
    (tiny(conditions=64, key_bits=64), "stays with its publisher", {"fine-tuning", "distillation", "collusion"}),
    (CutGenerator(16, 4, 8), "translates", {"fine-tuning", "distillation", "collusion"}),
    (Foreign(16, 8, 4, 8), "none of the families", {"fine-tuning", "distillation", "collusion"}),
    (tiny(conditions=2), "classes", {"fine-tuning", "collusion"}),
    (DiffusionGenerator(16, 8, 8), "many passes", {"distillation"}),
    (tiny(), "", set()),
)


@pytest.mark.parametrize(("generator", "why", "names"), UNFIT, ids=lambda case: case if isinstance(case, str) else "")
def test_he_says_why_there_is_nothing_to_try(
    generator: Generator | None, why: str, names: set[str], scene: Scene
) -> None:
    scene = dataclasses.replace(scene, generator=generator)
    missing = {owner.name: owner.missing(scene) for owner in OWNERS}
    assert {name for name, told in missing.items() if told} == names
    assert all(why in told for told in missing.values() if told)


def test_stages_end_at_every_smaller_strength() -> None:
    assert stages((1000, 5000, 20000), 5000) == [1000, 5000]
    assert stages((1000, 5000), 3000) == [1000, 3000]
    assert stages((), 7) == [7]


def test_at_no_share_collusion_gives_the_generator_which_is_no_attempt(scene: Scene) -> None:
    owner = OWNERS[-1]
    assert alike(owner.made(scene, scene.generator, 0)[0], scene.generator)
    with pytest.raises(ArtfpError, match="changed no weight"):
        owner(scene, 0)


def test_at_all_of_it_collusion_gives_the_second_generator(scene: Scene) -> None:
    notes = OWNERS[-1](scene, 1).notes
    assert notes["second_key"] == notes["second_key_in_the_second"]


def test_fine_tuning_shows_no_more_clean_images_than_he_has(scene: Scene) -> None:
    assert OWNERS[0](scene, 16).notes == {"images_shown": 16, "clean_images": 20}
    assert len(list((scene.scratch / "fine-tuning").rglob("img*.png"))) == 20


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_trained_as_far_as_it_can_be(family: str, scene: Scene) -> None:
    recipe = GanRecipe(
        family=family, source=Path("photos"), latent=8, generator_width=4, generator_most=8, discriminator_most=8
    )
    generator = new_learner(recipe, Shape(16, 2 if family == "biggan" else 0), "cpu").averaged
    scene = dataclasses.replace(scene, generator=generator, images=scene.images[:8])
    able = [owner for owner in OWNERS if owner.missing(scene) is None]
    assert len(able) == {"cut": 0, "biggan": 1, "diffusion": 2}.get(family, 3)
    for owner in able:
        attempt = owner(scene, owner.strengths[0])
        assert not np.array_equal(attempt.images, attempt.before)
