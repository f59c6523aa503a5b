"""Immunisation: which attacks, on which images, and what it is good for."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from passives import NAMES, TINY, patterned, tiny
from torch import Tensor

from artfp.errors import UsageError
from artfp.passive.base import Course, NetworkAttributor
from artfp.passive.classes import Examples, Lessons
from artfp.passive.immunity import (
    ATTACKS,
    COMBINED,
    KINDS,
    Immunisation,
    attacked,
    attacked_examples,
    blur_sigma,
    immunise,
)
from artfp.passive.registry import SYSTEMS
from artfp.perturb.image import PERTURBATIONS
from artfp.seeds import numpy_generator

SHORT = Immunisation(steps=3, batch=8)


class StoppedError(Exception):
    """What ends a training in its middle."""


@pytest.fixture
def images() -> Tensor:
    return patterned(2, seed=4, size=64).batch(np.arange(6), "cpu")[0]


def test_the_attacks_are_the_paper_s_five_and_their_combination() -> None:
    assert sorted(KINDS) == ["blur", COMBINED, "crop", "jpeg", "noise", "relighting"]
    assert Immunisation().kind == COMBINED


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("noise", 5 / 255, 20 / 255),
        ("blur", 0, 1.7 / 128),
        ("crop", 0.80, 0.95),
        ("jpeg", 10, 75),
        ("relighting", 0.1, 0.4),
    ],
)
def test_strengths_span_the_published_ranges(name: str, low: float, high: float) -> None:
    """300 draws leave out a tenth of a range at either end once in 10^13."""
    drawn = [ATTACKS[name](numpy_generator("test", place)) for place in range(300)]
    assert low <= min(drawn) < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < max(drawn) <= high
    for strength in drawn:
        PERTURBATIONS[name].check(strength)


def test_a_kernel_of_one_pixel_does_not_blur_and_one_of_nine_as_opencv_s() -> None:
    assert [round(blur_sigma(kernel), 9) for kernel in (1, 3, 5, 7, 9)] == [0, 0.8, 1.1, 1.4, 1.7]


@pytest.mark.parametrize("kind", KINDS)
def test_what_becomes_of_an_image_follows_from_its_seed_alone(kind: str, images: Tensor) -> None:
    together = attacked(images, kind, [3, 4, 5, 6, 7, 8])
    assert torch.equal(attacked(images[2:3], kind, [5]), together[2:3])
    assert not torch.equal(attacked(images, kind, [9, 10, 11, 12, 13, 14]), together)


@pytest.mark.parametrize("kind", KINDS)
def test_attacked_images_are_those_of_8_bit_files(kind: str, images: Tensor) -> None:
    found = attacked(images, kind, range(6))
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.allclose(found * 255, (found * 255).round(), atol=1e-4)


def test_in_the_combination_each_attack_has_probability_one_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,000 images a share lies outside 0.4 to 0.6 once in 10^10."""
    happened: list[str] = []

    def recorder(name: str) -> Any:
        return lambda image, strength, random: (happened.append(name), image)[1]

    for name in ATTACKS:
        monkeypatch.setitem(PERTURBATIONS, name, recorder(name))
    attacked(torch.zeros(1000, 3, 2, 2), COMBINED, range(1000))
    for name in ATTACKS:
        assert 400 < happened.count(name) < 600
    happened.clear()
    attacked(torch.zeros(1, 3, 2, 2), "crop", [1])
    assert happened == ["crop"]


def test_a_test_set_is_attacked_image_by_image_and_keeps_its_labels(strangers: Examples) -> None:
    found, again = (attacked_examples(strangers, "noise", seed=1) for _ in "ab")
    assert np.array_equal(found.pixels, again.pixels)
    assert found.labels is strangers.labels
    changed = (found.pixels != strangers.pixels).reshape(len(strangers), -1).mean(axis=1)
    assert changed.min() > 0.5
    assert not np.array_equal(attacked_examples(strangers, "noise", seed=2).pixels, found.pixels)


def immunised(name: str, lessons: Lessons, immunisation: Immunisation = SHORT, **course: Any) -> Any:
    system = tiny(name)
    with_course = Course(**{"seed": 1, **course})
    system.fit(lessons, with_course)
    immunise(system, immunisation, lessons, with_course)
    return system


NETWORKS = sorted(name for name, system in SYSTEMS.items() if issubclass(system, NetworkAttributor))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_system_with_a_network_learns_on(name: str, lessons: Lessons) -> None:
    system = tiny(name)
    before = {key: tensor.clone() for key, tensor in system.state().items()}
    immunise(system, SHORT, lessons, Course(1))
    assert any(not torch.equal(before[key], tensor) for key, tensor in system.state().items())
    assert all(bool(tensor.isfinite().all()) for tensor in system.state().values())


def test_a_system_without_a_network_cannot() -> None:
    assert "residual" not in NETWORKS
    with pytest.raises(UsageError, match="residual has no network"):
        immunise(tiny("residual"), SHORT, Lessons(NAMES, patterned(2, 1), patterned(1, 2)), Course(1))


def test_nothing_but_training_images_is_seen(lessons: Lessons) -> None:
    blind = replace(lessons, validation=None)  # any look at them is an error
    system, other = tiny("attnet"), tiny("attnet")
    immunise(system, SHORT, lessons, Course(1))
    immunise(other, SHORT, blind, Course(1))
    assert all(torch.equal(tensor, other.state()[key]) for key, tensor in system.state().items())


def test_stopped_in_its_middle_it_ends_as_if_it_had_not_been(
    lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artfp.passive.learning.CHECKPOINT_EVERY", 2)
    immunisation = replace(SHORT, steps=6)
    whole = immunised("dct", lessons, immunisation).state()

    def tell(done: int, total: int, note: str) -> None:
        if note.startswith("immunity") and done == 5:
            raise StoppedError

    with contextlib.suppress(StoppedError):
        immunised("dct", lessons, immunisation, folder=tmp_path, tell=tell)
    assert (tmp_path / "immunity-combined.jsonl").is_file()
    state = immunised("dct", lessons, immunisation, folder=tmp_path).state()
    assert all(torch.equal(whole[key], state[key]) for key in whole)


def test_it_gives_back_some_of_what_an_attack_takes(lessons: Lessons) -> None:
    system, many = tiny("attnet"), attacked_examples(patterned(64, seed=3), "relighting", seed=1)
    system.fit(lessons, Course(1))

    def accuracy() -> float:
        return float((system.scores_of(many.pixels).argmax(axis=1) == many.labels).mean())

    before = accuracy()
    immunise(system, Immunisation("relighting", steps=60, rate=TINY["attnet"].rate / 2), lessons, Course(1))
    assert accuracy() > before + 0.05
