"""Bands, patches and Fréchet ratios, each against what is known of it."""

from __future__ import annotations

import numpy as np
import pytest
from passives import NAMES, SIZE, patterned, tiny

from artfp.errors import UsageError
from artfp.images import to_tensor
from artfp.passive.analyses import altered, fingerprints, high_band, low_band, patches, separation
from artfp.passive.attnet import Attnet
from artfp.passive.classes import Examples, Lessons


def waves(period: int) -> Examples:
    """One image of vertical stripes of so many pixels."""
    row = 128 + 60 * np.cos(2 * np.pi * np.arange(64) / period)
    pixels = np.broadcast_to(row[None, None, :, None], (1, 64, 64, 3)).round().astype(np.uint8)
    return Examples(pixels, np.zeros(1, np.int64), ("waves",))


def kept(band: Examples, waves: Examples) -> float:
    """The share of the waves' deviation that a band holds, away from the borders."""
    inside = (..., slice(16, -16), slice(None))
    return float(band.pixels[inside].std() / waves.pixels[inside].std())


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_bands_part_frequencies_at_the_factor(factor: int) -> None:
    """Waves of 8 x factor pixels are in the low band, those of 1 x factor pixels in the high one."""
    coarse, fine = waves(8 * factor), waves(factor)
    assert kept(low_band(coarse, factor), coarse) > 0.75
    assert kept(low_band(fine, factor), fine) < 0.1
    assert kept(high_band(fine, factor), fine) > 0.9
    assert kept(high_band(coarse, factor), coarse) < 0.3


@pytest.mark.parametrize("period", [6, 8, 16])
def test_the_gaussian_has_the_variance_of_the_binomial_pyramid(period: int) -> None:
    """At factor 2 that of [1 4 6 4 1] / 16, which is 1: a wave of frequency w keeps exp(-w^2 / 2) of its contrast."""
    expected = np.exp(-((2 * np.pi / period) ** 2) / 2)
    assert kept(low_band(waves(period), 2), waves(period)) == pytest.approx(expected, abs=0.03)


def test_both_bands_sum_to_the_image() -> None:
    examples = patterned(2, seed=1)
    low, high = (band(examples, 2).pixels.astype(int) for band in (low_band, high_band))
    inside = (high > 0) & (high < 255)
    assert np.abs(low + high - 127.5 - examples.pixels)[inside].max() <= 1
    assert inside.mean() > 0.95


@pytest.mark.parametrize("factor", [0, 1, 3, 6])
def test_bands_at_other_factors_are_refused(factor: int) -> None:
    with pytest.raises(UsageError, match="factors 2, 4, 8"):
        low_band(patterned(1, seed=1), factor)


def test_a_patch_is_a_piece_of_its_image_at_a_place_of_its_own() -> None:
    examples = patterned(8, seed=1)
    found = patches(examples, 5, seed=3)
    places = []
    for whole, piece in zip(examples.pixels, found.pixels, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(whole, (5, 5, 3))[:, :, 0]
        hits = np.argwhere((windows == piece).all(axis=(2, 3, 4)))
        assert len(hits) >= 1
        places.append(tuple(hits[0]))
    assert len(set(places)) > 10
    assert found.labels is examples.labels
    assert np.array_equal(found.pixels, patches(examples, 5, seed=3).pixels)
    assert np.array_equal(patches(examples, SIZE, seed=1).pixels, examples.pixels)


@pytest.mark.parametrize("side", [0, SIZE + 1])
def test_patches_that_lie_in_no_image_are_refused(side: int) -> None:
    with pytest.raises(UsageError, match="patch"):
        patches(patterned(1, seed=1), side, seed=1)


def test_lessons_are_altered_in_both_of_their_parts(lessons: Lessons) -> None:
    found = altered(lessons, lambda examples: patches(examples, 8, seed=1))
    assert found.size == found.validation.pixels.shape[1] == 8
    assert found.classes == NAMES


def test_fingerprints_are_the_features_below_the_logits(strangers: Examples) -> None:
    system = tiny("attnet")
    assert isinstance(system, Attnet)
    found = fingerprints(system, strangers.pixels)
    expected = system.network.features(to_tensor(strangers.pixels)).detach().numpy()
    assert found.shape == (len(strangers), system.settings.features)
    assert np.allclose(found, expected, atol=1e-5)


def clouds(shift: float, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of points in four dimensions, whose means lie on a line, `shift` apart."""
    labels = np.arange(3 * count) % 3
    points = np.random.default_rng(5).normal(size=(3 * count, 4))
    points[:, 0] += shift * labels
    return points, labels


def test_distances_of_separated_classes_are_those_of_their_means() -> None:
    """With shifts d, d and 2 d, of mean square 2 d^2, and covariances alike."""
    found = separation(*clouds(10.0), seed=1)
    assert found.inter == pytest.approx(2 * 10.0**2, rel=0.05)
    assert found.intra < 1
    assert found.ratio == pytest.approx(found.inter / found.intra)


def test_classes_that_do_not_differ_have_a_ratio_of_one() -> None:
    """Both distances are the bias of 200 against 200 points in four dimensions, of which each mean is of three."""
    assert 0.3 < separation(*clouds(0.0), seed=1).ratio < 3


def test_larger_classes_are_cut_to_the_smallest() -> None:
    points, labels = clouds(0.0)
    few = np.concatenate([np.flatnonzero(labels == 0)[:20], np.flatnonzero(labels > 0)])
    assert separation(points[few], labels[few], seed=1).intra > 3 * separation(points, labels, seed=1).intra


def test_classes_without_halves_are_refused() -> None:
    with pytest.raises(UsageError, match="halves"):
        separation(np.zeros((6, 2)), np.arange(6) % 2, seed=1)
