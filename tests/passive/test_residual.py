"""Wavelets and filter against what is published and computed otherwise; fingerprints against planted ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from artfp.data.procedural import generate
from artfp.images import to_tensor
from artfp.passive.base import Course
from artfp.passive.classes import Examples, Lessons
from artfp.passive.residual import (
    WINDOWS,
    Residual,
    ResidualSettings,
    correlation,
    daubechies,
    noise_share,
    residual,
    wavelets,
)

# Daubechies, Ten Lectures on Wavelets (SIAM 1992), table 6.1.
DB2 = [0.4829629131445341, 0.8365163037378077, 0.2241438680420134, -0.1294095225512603]
DB8 = [
    *(0.0544158422431072, 0.3128715909143166, 0.6756307362972898, 0.5853546836542159),
    *(-0.0158291052563823, -0.2840155429615824, 0.0004724845739124, 0.1287474266204893),
    *(-0.0173693010018090, -0.0440882539307971, 0.0139810279174001, 0.0087460940474065),
    *(-0.0048703529934520, -0.0003917403733770, 0.0006754494064506, -0.0001174767841248),
]


def test_the_filters_are_the_published_ones() -> None:
    assert daubechies(2) == pytest.approx(DB2, abs=1e-12)
    assert daubechies(8) == pytest.approx(DB8, abs=1e-9)


@pytest.mark.parametrize("side", [4, 8, 64])
def test_the_transform_is_orthonormal_even_where_the_filter_is_longer_than_the_signal(side: int) -> None:
    assert torch.allclose(wavelets(side) @ wavelets(side).T, torch.eye(side, dtype=torch.float64), atol=1e-12)


def test_differences_are_blind_to_what_is_smooth() -> None:
    """A polynomial of degree 7 has none, away from the seam where the signal's end meets its beginning."""
    signal = torch.linspace(-1, 1, 64, dtype=torch.float64) ** 7
    assert (wavelets(64) @ signal)[32:-8].abs().max() < 1e-9
    assert (wavelets(64) @ torch.ones(64, dtype=torch.float64))[32:].abs().max() < 1e-12


def test_the_share_of_noise_is_a_wiener_filter_with_the_least_of_four_variances() -> None:
    band, sigma = torch.randn(1, 1, 24, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), 0.6
    means = [uniform_filter(band[0, 0].numpy() ** 2, side) for side in WINDOWS]
    variance = np.clip(np.min(means, axis=0) - sigma**2, 0, None)
    inside = (slice(4, -4),) * 2  # elsewhere the windows reach over the border
    found = noise_share(band, sigma)[0, 0].numpy()
    assert found[inside] == pytest.approx((sigma**2 / (variance + sigma**2))[inside])


def test_of_faint_noise_it_takes_away_all_detail_and_of_flat_images_nothing() -> None:
    random = torch.Generator().manual_seed(1)
    noise = 0.5 / 255 * torch.randn(4, 3, 32, 32, generator=random, dtype=torch.float64)
    found = residual(0.5 + noise, sigma=50.0)
    coarse = 0.5 + noise - found  # two pixels a side are left at the coarsest scale
    assert torch.linalg.matrix_rank(coarse[0, 0], atol=1e-9) <= 2
    assert residual(torch.full((1, 3, 32, 32), 0.25), sigma=5.0).abs().max() < 1e-6


def test_an_image_of_any_side_has_a_residual() -> None:
    for side in (16, 24, 33, 50):
        assert residual(torch.rand(1, 3, side, side), 5.0).shape == (1, 3, side, side)


def test_correlation_is_numpys() -> None:
    random = np.random.default_rng(2)
    first, second = random.normal(size=(3, 3, 4, 4)), random.normal(size=(2, 3, 4, 4))
    found = correlation(torch.from_numpy(first), torch.from_numpy(second)).numpy()
    assert found == pytest.approx(np.corrcoef(first.reshape(3, -1), second.reshape(2, -1))[:3, 3:])
    assert correlation(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)).item() == 0


@pytest.fixture(scope="module")
def planted() -> tuple[Residual, torch.Tensor, Examples]:
    """A system of two classes with a pattern each, of a deviation of 3 of 255; the patterns; other images."""
    patterns = np.random.default_rng(3).normal(0, 3, (2, 32, 32, 3))
    images = np.stack(list(generate("photo-like", 240, 32, seed=4))).astype(np.float64)
    labels = np.arange(240) % 2
    pixels = np.clip(np.rint(images + patterns[labels]), 0, 255).astype(np.uint8)
    names = tuple(map(str, range(240)))
    train, rest = (Examples(pixels[part], labels[part], names[part]) for part in (slice(160), slice(160, None)))
    system = Residual(ResidualSettings(), ("dotted", "striped"), 32)
    system.fit(Lessons(("dotted", "striped"), train, rest), Course(0))
    return system, torch.from_numpy(patterns).permute(0, 3, 1, 2), rest


def test_it_finds_the_planted_patterns(planted: tuple[Residual, torch.Tensor, Examples]) -> None:
    """Chance alone correlates 3,072 pixels to 1 / sqrt(3,072) = .02."""
    system, patterns, _ = planted
    found = correlation(system.fingerprints.double(), patterns)
    assert found.diagonal().min() > 0.5
    assert found.fliplr().diagonal().abs().max() < 0.1


def test_it_tells_which_pattern_an_image_has(planted: tuple[Residual, torch.Tensor, Examples]) -> None:
    system, _, rest = planted
    scores = system.scores_of(rest.pixels)
    assert np.abs(scores).max() <= 1
    assert (scores.argmax(axis=1) == rest.labels).mean() > 0.95


def test_only_as_many_images_are_averaged_as_the_settings_say(lessons: Lessons) -> None:
    few = Residual(ResidualSettings(images=1), lessons.classes, lessons.size)
    few.fit(lessons, Course(0))
    singles = residual(to_tensor(lessons.train.of_class(0)), few.settings.sigma)
    assert min((few.fingerprints[0] - single).abs().max().item() for single in singles) < 1e-6
