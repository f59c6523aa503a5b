"""Measures of pairs of images against closed forms and against their formulas, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from artfp.similarity import (
    CENTRE,
    SCALES,
    SCALES_SIDE,
    centre,
    decibels,
    similarities,
    similarities_over_scales,
    squared_errors,
)

Images = np.ndarray


def pictures(count: int, height: int, width: int, seed: int = 0) -> Images:
    """Smooth ones, so that every scale has something to compare."""
    rough = np.random.default_rng(seed).normal(size=(count, height, width, 3))
    for axis in (1, 2):
        rough = correlate1d(rough, np.hanning(23) / 11, axis=axis, mode="reflect")
    return (128 + 300 * rough).clip(0, 255).astype(np.uint8)


def noisy(images: Images, strength: int) -> Images:
    noise = np.random.default_rng(9).integers(-strength, strength + 1, images.shape)
    return (images + noise).clip(0, 255).astype(np.uint8)


def formula(one: Images, other: Images) -> float:
    """Wang, Simoncelli, Bovik 2003, equation 7, in double precision."""
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(image: Images) -> Images:
        for axis in (0, 1):
            image = correlate1d(image, window, axis=axis)
        return image[5:-5, 5:-5]

    x, y = one / 255, other / 255
    product = 1.0
    for scale, exponent in enumerate(SCALES):
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        term = (2 * vxy + 0.03**2) / (vx + vy + 0.03**2)
        if scale == len(SCALES) - 1:
            term = term * (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
        product *= max(0.0, float(term.mean())) ** exponent
        x, y = (z[: len(z) // 2 * 2, : z.shape[1] // 2 * 2] for z in (x, y))
        x, y = ((z[::2, ::2] + z[1::2, ::2] + z[::2, 1::2] + z[1::2, 1::2]) / 4 for z in (x, y))
    return product


def test_decibels_of_a_constant_error() -> None:
    images = pictures(2, 16, 24) // 2
    errors = squared_errors(images, images + np.uint8(5))
    assert errors.tolist() == [25, 25]
    assert decibels(errors) == pytest.approx([20 * math.log10(255 / 5)] * 2)


@pytest.mark.parametrize(("height", "width"), [(SCALES_SIDE, SCALES_SIDE), (180, 193)])
def test_ms_ssim_is_its_formula(height: int, width: int) -> None:
    images = pictures(2, height, width)
    worse = noisy(images, 40)
    expected = [formula(*pair) for pair in zip(images, worse, strict=True)]
    assert similarities_over_scales(images, worse) == pytest.approx(expected, abs=1e-4)
    assert 0.3 < expected[0] < 0.99


def test_alike_is_one_and_a_negative_nothing() -> None:
    images = pictures(2, SCALES_SIDE, SCALES_SIDE)
    for measure in (similarities, similarities_over_scales):
        assert measure(images, images) == pytest.approx([1, 1], abs=1e-5)
        assert (measure(images, noisy(images, 10)) > measure(images, noisy(images, 60))).all()
    assert similarities_over_scales(images, 255 - images).tolist() == [0, 0]


def test_a_pair_is_measured_whatever_is_beside_it() -> None:
    images = pictures(3, SCALES_SIDE, SCALES_SIDE)
    worse = noisy(images, 30)
    for measure in (squared_errors, similarities, similarities_over_scales):
        alone = np.concatenate([measure(images[i : i + 1], worse[i : i + 1]) for i in range(3)])
        assert measure(images, worse) == pytest.approx(alone, abs=1e-6)


def test_of_large_images_the_middle_stands_for_the_whole() -> None:
    assert centre(np.zeros((1, CENTRE + 6, 40, 3), np.uint8)).shape == (1, CENTRE, 40, 3)
