"""The Fréchet distance against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from artfp.statistics.frechet import frechet_distance


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
