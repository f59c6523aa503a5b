"""Spectra against scipy; a classifier that tells two spectra of images that look alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn

from artfp.images import to_tensor
from artfp.passive.base import Course
from artfp.passive.classes import Examples, Lessons
from artfp.passive.dct_linear import DctLinear, DctSettings, _moments, log_spectrum, validation_loss

NAMES = ("steep", "white")


def coloured(count: int, seed: int) -> Examples:
    """Noise of one variance, the second half with more in its fine detail, the first with more in its coarse."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], count)
    radius = np.hypot(*np.meshgrid(np.arange(16), np.arange(16))) / 16
    weights = np.stack([np.exp(-radius), np.ones((16, 16))])
    weights /= np.sqrt((weights**2).mean(axis=(1, 2), keepdims=True))
    noise = idctn(random.normal(size=(2 * count, 3, 16, 16)) * weights[labels][:, None], axes=(2, 3), norm="ortho")
    pixels = np.clip(np.rint(128 + 30 * noise), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return Examples(np.ascontiguousarray(pixels), labels, tuple(map(str, range(2 * count))))


def test_the_spectrum_is_scipys_dct() -> None:
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = np.log(np.abs(dctn(images.numpy(), type=2, norm="ortho", axes=(2, 3))) + 1e-12)
    assert log_spectrum(images).numpy() == pytest.approx(expected)


def test_features_have_the_training_images_mean_and_deviation(lessons: Lessons) -> None:
    features = log_spectrum(to_tensor(lessons.train.pixels)).double()
    mean, deviation = _moments(lessons.train, "cpu")
    assert mean.numpy() == pytest.approx(features.mean(dim=0).numpy(), abs=1e-4)
    assert deviation.numpy() == pytest.approx(features.std(dim=0, correction=0).numpy(), abs=1e-3)


def test_it_tells_two_spectra() -> None:
    lessons = Lessons(NAMES, coloured(150, seed=1), coloured(40, seed=2))
    system = DctLinear(DctSettings(steps=150, batch=32, rate=1e-3, penalties=(1e-3, 1e-1)), NAMES, 16)
    system.fit(lessons, Course(0))
    strangers = coloured(100, seed=3)
    assert (system.scores_of(strangers.pixels).argmax(axis=1) == strangers.labels).mean() > 0.9


def test_the_penalty_is_the_one_with_the_least_cross_entropy_on_the_validation_images() -> None:
    lessons = Lessons(NAMES, coloured(20, seed=1), coloured(40, seed=2))
    alone = {}
    for penalty in (0.0, 1e-1):
        system = DctLinear(DctSettings(steps=40, batch=16, penalties=(penalty,)), NAMES, 16)
        alone[penalty] = system.fit(lessons, Course(0))["validation_loss"]
        assert alone[penalty] == pytest.approx(validation_loss(system.network, lessons.validation, "cpu"))
    both = DctLinear(DctSettings(steps=40, batch=16, penalties=(0.0, 1e-1)), NAMES, 16)
    facts = both.fit(lessons, Course(0))
    assert facts == {"penalty": min(alone, key=lambda each: alone[each]), "validation_loss": min(alone.values())}


def test_its_loss_is_the_cross_entropy_of_logits_and_not_of_probabilities(lessons: Lessons) -> None:
    """A network of logits z has log sum exp z - z_y; whoever put a softmax before it could not get below .55."""
    system = DctLinear(DctSettings(steps=200, batch=24, rate=1e-2, penalties=(0.0,)), lessons.classes, lessons.size)
    system.fit(lessons, Course(0))
    assert validation_loss(system.network, lessons.train, "cpu") < 0.05
