"""The numbers of a row, where their values are known without computing them so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from artfp.evaluate.numbers import accuracy, control, empirical_threshold, images_needed, matches_of, p_of, readout
from artfp.robustness import Thresholds
from artfp.statistics.exact import binomial_tail

KEY = np.tile(np.array([0, 1], np.uint8), 32)
AT = Thresholds(52, 50, (0,) * 65, None)


def soft_bits(*agreeing: int, size: float = 1.0) -> np.ndarray:
    """An image for each number: so many of its bits agree with the key, the first ones."""
    right = np.arange(64) < np.array(agreeing)[:, None]
    return np.where(right == KEY.astype(bool), size, -size)


def test_what_is_counted_is_counted() -> None:
    read = readout(soft_bits(64, 52, 51, 40), KEY, AT, seed=0)
    assert (read.images, read.matching_bits, read.total_bits) == (4, 207, 256)
    assert read.accuracy.value == 207 / 256
    assert (read.single.count, read.single.total) == (2, 4)
    assert read.single_empirical is not None
    assert read.single_empirical.count == 3


def test_one_image_has_the_binomial_tail() -> None:
    assert p_of(soft_bits(52), KEY) == float(binomial_tail(52, 64))
    assert readout(soft_bits(64), KEY, AT, 0).log10_p == -64 * math.log10(2)


def test_images_that_all_match_by_themselves_are_needed_one_at_a_time() -> None:
    assert images_needed(soft_bits(*[64] * 8), KEY, seed=0) == 1


def test_images_of_chance_are_never_enough() -> None:
    random = np.random.default_rng(0)
    assert images_needed(random.uniform(-1, 1, (40, 64)), KEY, seed=0) is None


def test_many_weak_images_are_enough_together() -> None:
    """65 % of the bits, independently: p = 1e-6 takes 52 of 64 bits in one image, and few images."""
    random = np.random.default_rng(0)
    right = random.random((200, 64)) < 0.65
    soft = np.where(right == KEY.astype(bool), 0.3, -0.3)
    needed = images_needed(soft, KEY, seed=0)
    assert needed is not None
    assert 4 <= needed <= 24
    assert p_of(soft, KEY) < 1e-15


def test_an_interval_is_about_the_mean_and_follows_from_the_seed() -> None:
    """Of 200 images with k matching bits: twice the standard error of their mean, either way; luck is fixed."""
    matches = np.random.default_rng(1).binomial(64, 0.8, 200)
    found = accuracy(matches, 64, seed=3)
    error = matches.std() / math.sqrt(200) / 64
    assert found.value == matches.sum() / (200 * 64)
    assert found.value - found.low == pytest.approx(1.96 * error, rel=0.1)
    assert found.high - found.value == pytest.approx(1.96 * error, rel=0.1)
    assert accuracy(matches, 64, seed=3) == found
    assert accuracy(matches, 64, seed=4) != found


def test_the_interval_of_equal_images_is_a_point() -> None:
    assert accuracy(np.array([48] * 10), 64, 0).to_dict() == {"value": 0.75, "low": 0.75, "high": 0.75}


def test_one_clean_image_in_a_thousand_may_reach_the_empirical_threshold() -> None:
    counts = np.zeros(65, np.int64)
    counts[32], counts[45], counts[50] = 9_985, 5, 10
    assert empirical_threshold(counts) == 46
    counts[60] = 1
    assert empirical_threshold(counts) == 51
    counts[64] = 100
    assert empirical_threshold(counts) == 65  # no image can


def test_controls_are_counted_at_both_thresholds() -> None:
    found = control(soft_bits(30, 50, 52), KEY, AT)
    assert found.single.count == 1
    assert found.single_empirical is not None
    assert found.single_empirical.count == 2


def test_a_soft_bit_of_zero_reads_as_0() -> None:
    assert matches_of(np.zeros((1, 64)), KEY).tolist() == [32]
