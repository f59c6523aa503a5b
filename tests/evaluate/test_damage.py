"""What an attack does to images: closed forms, and eyes that see a mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eyes import Means

from artfp.evaluate import damage
from artfp.evaluate.features import BATCH


def noise(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(count).integers(0, 200, (count, 8, 8, 3), np.uint8))


def test_psnr_is_the_mean_over_the_images_that_changed() -> None:
    before = noise(3)
    after = [before[0] + 5, before[1], before[2] + 51]
    expected = (20 * math.log10(255 / 5) + 20 * math.log10(255 / 51)) / 2
    assert damage.psnr(before, after) == pytest.approx(expected)
    assert damage.psnr(before, before) is None


def test_perceptual_distances_are_means_over_all_pairs_whatever_the_batches() -> None:
    before = noise(BATCH + 1)
    after = [*before[:-1], before[-1] + 51]  # a fifth of the range in three channels, in one image of all
    assert damage.lpips(Means(), before, after, "cpu") == pytest.approx(0.6 / len(before), abs=1e-6)


def test_frechet_of_a_set_to_itself_is_nothing_and_of_a_shifted_one_the_square_of_the_shift() -> None:
    images = noise(40)
    clean = damage.features(Means(), images, "cpu")
    assert clean.shape == (40, 3)
    assert damage.frechet(Means(), images, clean, "cpu") == pytest.approx(0, abs=1e-9)
    shifted = [image + 51 for image in images]
    assert damage.frechet(Means(), shifted, clean, "cpu") == pytest.approx(3 * 0.2**2, abs=1e-6)
    assert damage.frechet(Means(), images[:1], clean, "cpu") is None  # one image has no spread


def test_eyes_see_squares_of_one_side_alone() -> None:
    assert damage.eyes_for(None, "cpu") is None
    assert damage.eyes_for(16, "cpu") is None
