"""Random halves, where the variance is known."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.statistics.halves import from_halves


def test_of_a_mean_the_interval_is_the_normal_one() -> None:
    """A half's mean varies about the mean of all by s^2 / n. Of 4,000 halves the deviation is known to some 1 %."""
    values = np.random.default_rng(0).normal(5, 2, 400)
    (found,) = from_halves(lambda at: [float(values[at].mean())], 400, np.random.default_rng(1), halves=4000)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.value == pytest.approx(1.96 * values.std() / 20, rel=0.05)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_intervals_of_a_median_hold_it_as_often_as_they_say() -> None:
    """The median is what leaving out one image at a time fails at. Of 400 seeds 95 % are 380; 50 halves are few."""
    held = 0
    for seed in range(400):
        values = np.random.default_rng(seed).standard_normal(100)
        draw = np.random.default_rng((seed, 1))
        (found,) = from_halves(lambda at, values=values: [float(np.median(values[at]))], 100, draw)
        held += found.low <= 0 <= found.high
    assert 360 <= held <= 396


def test_every_number_has_its_interval_and_the_seed_decides() -> None:
    def both(at: np.ndarray) -> tuple[float, float]:
        return float(at.mean()), 1.0

    first, second = (from_halves(both, 50, np.random.default_rng(7)) for _ in range(2))
    assert first == second
    assert first[0].value == 24.5
    assert (first[1].low, first[1].high) == (1, 1)
