"""The Fréchet distance against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from artfp.statistics.frechet import Moments, frechet_between, frechet_distance


def test_a_set_is_no_distance_from_itself() -> None:
    features = np.random.default_rng(0).standard_normal((60, 5))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)


def test_a_shift_costs_its_squared_length_and_nothing_else() -> None:
    features = np.random.default_rng(1).standard_normal((60, 5))
    assert frechet_distance(features, features + np.array([3, 0, 4, 0, 0])) == pytest.approx(25)


def test_it_agrees_with_the_matrix_square_root_of_the_formula() -> None:
    random = np.random.default_rng(2)
    first, second = (
        random.standard_normal((80, 6)),
        random.standard_normal((90, 6)) @ random.standard_normal((6, 6)) + 1,
    )
    means = first.mean(axis=0) - second.mean(axis=0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    expected = means @ means + np.trace(one + two - 2 * linalg.sqrtm(one @ two).real)
    assert frechet_distance(first, second) == pytest.approx(expected)


def test_fewer_images_than_features_are_no_obstacle() -> None:
    random = np.random.default_rng(3)
    assert np.isfinite(frechet_distance(random.standard_normal((8, 20)), random.standard_normal((8, 20))))


def test_of_gaussians_whose_axes_agree_it_is_the_closed_form() -> None:
    """|m1 - m2|^2 + sum (s1 - s2)^2, where both covariances are diagonal."""
    first = Moments(1001, np.array([1.0, 2.0, 3.0]), 1000 * np.diag([4.0, 9.0, 1.0]))
    second = Moments(501, np.array([1.0, 0.0, 2.0]), 500 * np.diag([1.0, 16.0, 1.0]))
    assert frechet_between(first, second) == pytest.approx(5 + (2 - 1) ** 2 + (3 - 4) ** 2)


def test_of_many_draws_of_gaussians_it_comes_near_the_closed_form() -> None:
    """The seed is fixed; its standard deviation is some .02, its bias smaller."""
    random, deviations = np.random.default_rng(4), np.array([1.0, 2.0, 0.5])
    first = random.standard_normal((40_000, 3))
    second = random.standard_normal((40_000, 3)) * deviations + np.array([0.0, 1.0, 0.0])
    assert frechet_distance(first, second) == pytest.approx(1 + ((deviations - 1) ** 2).sum(), abs=0.1)


def test_moments_of_parts_add_up_to_those_of_the_whole() -> None:
    rows = np.random.default_rng(5).standard_normal((50, 4)) + 1e6  # far from 0, where sums of squares lose digits
    parts = Moments.of(rows[:7]) + Moments.of(rows[7:8]) + Moments.of(rows[8:])
    assert parts.count == 50
    assert parts.mean == pytest.approx(rows.mean(axis=0))
    assert parts.covariance == pytest.approx(np.cov(rows, rowvar=False), rel=1e-6)
