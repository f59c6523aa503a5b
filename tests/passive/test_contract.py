"""What every registered passive system does, whichever it is."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from passives import NAMES, SIZE, TINY, tiny

from artfp import recipe as recipes
from artfp.errors import ArtfpError, BadInputError
from artfp.passive.base import BATCH, LITE, OWN, PAPER, Course
from artfp.passive.classes import Examples, Lessons, Preparation
from artfp.passive.registry import SYSTEMS
from artfp.passive.store import Enrolled, load_system, save_system

each_system = pytest.mark.parametrize("name", sorted(SYSTEMS))


class StoppedError(Exception):
    """What ends a training in its middle."""


def trained(name: str, lessons: Lessons, **course: Any) -> Any:
    system = tiny(name)
    system.fit(lessons, Course(**{"seed": 1, **course}))
    return system


def test_every_system_has_tiny_settings_and_its_own_name() -> None:
    assert TINY.keys() == SYSTEMS.keys()
    assert all(system.name == name for name, system in SYSTEMS.items())


@each_system
def test_presets_are_two_frozen_dataclasses_that_survive_json_and_its_limits(name: str) -> None:
    presets = SYSTEMS[name].presets
    assert set(presets) == {LITE, PAPER}
    for preset, settings in presets.items():
        assert recipes.parse(recipes.to_dict(settings), type(settings), name) == settings
        assert f"{name} {preset} at 16 px" == SYSTEMS[name](settings, NAMES, SIZE).stamp
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(settings, dataclasses.fields(settings)[0].name, None)
    assert tiny(name).preset in (OWN, LITE)


@each_system
@pytest.mark.parametrize("classes", [("bee", "ant"), ("ant", "ant"), ("ant",)])
def test_classes_in_another_order_than_sorted_are_refused(name: str, classes: tuple[str, ...]) -> None:
    with pytest.raises(ArtfpError, match="sorted"):
        SYSTEMS[name](TINY[name], classes, SIZE)


@each_system
def test_it_learns_to_tell_images_that_it_never_saw(name: str, lessons: Lessons, strangers: Examples) -> None:
    """And its scores are no probabilities: a softmax in a network would pass for logits, and train badly."""
    scores = trained(name, lessons).scores_of(strangers.pixels)
    assert not np.allclose(scores.sum(axis=1), 1)
    assert scores.shape == (len(strangers), len(NAMES))
    assert (scores.argmax(axis=1) == strangers.labels).mean() > 0.6  # a third by chance


@each_system
def test_an_image_scores_the_same_in_any_company(name: str, lessons: Lessons, strangers: Examples) -> None:
    system = trained(name, lessons)
    many = np.concatenate([strangers.pixels] * (BATCH // len(strangers) + 1))
    together, alone = system.scores_of(many), system.scores_of(strangers.pixels[5:6])
    assert len(together) > BATCH
    assert np.array_equal(together[5:6], alone)
    assert np.array_equal(together[: len(strangers)][:8], together[len(strangers) :][:8])
    assert system.scores_of(strangers.pixels[:0]).shape == (0, len(NAMES))


@each_system
def test_the_same_seed_gives_the_same_system_whatever_was_drawn_before(name: str, lessons: Lessons) -> None:
    first = trained(name, lessons).state()
    torch.rand(7)
    np.random.rand(7)
    before = torch.get_rng_state()
    second = trained(name, lessons).state()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(torch.get_rng_state(), before)


def counting(most: int) -> tuple[list[int], Any]:
    """What a course tells, which ends in an error after so many times."""
    seen: list[int] = []

    def tell(done: int, total: int, note: str) -> None:
        seen.append(done)
        if len(seen) > most:
            raise StoppedError

    return seen, tell


@each_system
def test_stopped_again_and_again_it_ends_as_if_it_had_not_been(
    name: str, lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after a fifth of all that it tells, after two fifths, and so on; every third step is a checkpoint."""
    monkeypatch.setattr("artfp.passive.learning.CHECKPOINT_EVERY", 3)
    told, tell = counting(10**6)
    whole = trained(name, lessons, tell=tell).state()
    for fifths in range(1, 5):
        with contextlib.suppress(StoppedError):
            trained(name, lessons, tell=counting(fifths * len(told) // 5)[1], folder=tmp_path)
    state = trained(name, lessons, folder=tmp_path).state()
    assert whole.keys() == state.keys()
    assert all(torch.equal(whole[key], state[key]) for key in whole)


@each_system
def test_a_saved_system_comes_back_with_everything(
    name: str, lessons: Lessons, strangers: Examples, tmp_path: Path
) -> None:
    system = trained(name, lessons)
    preparation, hashes = Preparation(SIZE, True, 90), {"ant": "a", "bee": "b", "cat": "c"}
    enrolled = Enrolled(system, preparation, 0.25, hashes)
    save_system(tmp_path / "system.safetensors", enrolled)
    back = load_system(tmp_path / "system.safetensors")
    assert (back.preparation, back.threshold, back.trained_on) == (
        Preparation(SIZE, True, 90),
        0.25,
        enrolled.trained_on,
    )
    assert (back.system.settings, back.system.classes, back.system.stamp) == (TINY[name], NAMES, system.stamp)
    assert np.array_equal(back.system.scores_of(strangers.pixels), system.scores_of(strangers.pixels))


@each_system
def test_tensors_of_another_number_of_classes_are_refused(name: str, lessons: Lessons, tmp_path: Path) -> None:
    state = trained(name, lessons).state()
    with pytest.raises(BadInputError, match="another architecture"):
        tiny(name, (*NAMES, "dog")).restore(state, tmp_path / "system.safetensors")


@each_system
def test_images_of_another_size_are_refused(name: str, lessons: Lessons) -> None:
    with pytest.raises(ArtfpError, match="size"):
        trained(name, lessons).scores_of(np.zeros((1, 2 * SIZE, 2 * SIZE, 3), np.uint8))
