"""Maps of features: perplexities, the gradient against differences, and blobs that stay blobs."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.errors import UsageError
from artfp.passive.maps import _gradient, _of_entropy, affinities, divergence, neighbour_map, principal_components
from artfp.statistics.exact import Floats, Ints

PER_BLOB = 30


def blobs(dimensions: int = 20) -> tuple[Floats, Ints]:
    """Three blobs whose centres lie ten deviations apart."""
    random, labels = np.random.default_rng(1), np.repeat(np.arange(3), PER_BLOB)
    return 7 * np.eye(3, dimensions)[labels] + random.normal(size=(len(labels), dimensions)), labels


def same_blob_as_nearest(points: Floats, labels: Ints) -> float:
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((labels[distances.argmin(axis=1)] == labels).mean())


def test_principal_components_hold_the_most_variance_and_are_uncorrelated() -> None:
    features = np.random.default_rng(0).normal(size=(200, 3)) * [5, 0.1, 2] + 9
    found = principal_components(features)
    assert np.abs(np.corrcoef(found[:, 0], features[:, 0])[0, 1]) > 0.999
    assert np.abs(np.corrcoef(found[:, 1], features[:, 2])[0, 1]) > 0.99
    assert np.cov(found.T)[0, 1] == pytest.approx(0, abs=1e-9)
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-9)


def test_affinities_are_one_symmetric_distribution() -> None:
    found = affinities(blobs()[0], perplexity=10)
    assert found.sum() == pytest.approx(1)
    assert np.allclose(found, found.T)
    assert not found.diagonal().any()


def test_every_row_has_the_perplexity_asked_for_at_any_scale() -> None:
    squared = np.random.default_rng(0).uniform(0, 1, (40, 40)) * np.geomspace(1e-3, 1e3, 40)[:, None]
    np.fill_diagonal(squared, np.inf)
    rows = _of_entropy(squared, np.log(8))
    assert np.exp(-(rows * np.log(rows + 1e-12)).sum(axis=1)) == pytest.approx(8, rel=1e-3)


def test_the_gradient_is_that_of_the_divergence() -> None:
    wanted, points = affinities(blobs()[0], 5), np.random.default_rng(2).normal(size=(3 * PER_BLOB, 2))
    gradient = _gradient(wanted, points)
    for place, axis in ((0, 0), (40, 1), (89, 0)):
        step = np.zeros_like(points)
        step[place, axis] = 1e-5
        slope = (divergence(wanted, points + step) - divergence(wanted, points - step)) / 2e-5
        assert gradient[place, axis] == pytest.approx(slope, rel=1e-3, abs=1e-8)


def test_blobs_stay_blobs_far_apart() -> None:
    features, labels = blobs()
    points = neighbour_map(features, perplexity=10)
    assert same_blob_as_nearest(points, labels) == 1
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    radius = max(np.linalg.norm(points[labels == label] - centres[label], axis=1).max() for label in range(3))
    apart = min(np.linalg.norm(centres[a] - centres[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > 2 * radius


def test_the_descent_goes_below_principal_components() -> None:
    features, _ = blobs()
    wanted = affinities(features, 10)
    assert divergence(wanted, neighbour_map(features, 10)) < 0.5 * divergence(wanted, principal_components(features))


def test_a_map_is_the_same_again_and_about_the_origin() -> None:
    features, _ = blobs()
    first, second = (neighbour_map(features, 5, steps=120) for _ in "ab")
    assert np.array_equal(first, second)
    assert first.mean(axis=0) == pytest.approx(0, abs=1e-6)


def test_points_that_coincide_are_no_error() -> None:
    features = np.repeat(blobs()[0][:20], 3, axis=0)
    assert np.isfinite(neighbour_map(features, perplexity=5, steps=120)).all()


def test_too_few_points_for_a_perplexity_are_refused() -> None:
    with pytest.raises(UsageError, match="90 points are too few for a perplexity of 30"):
        neighbour_map(blobs()[0])
