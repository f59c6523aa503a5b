"""The delete-a-group jackknife where the variance is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from artfp.errors import ArtfpError
from artfp.statistics.jackknife import intervals


def mean(rows: np.ndarray) -> list[float]:
    return [float(rows.mean())]


def test_of_a_mean_it_is_the_t_interval_of_the_groups_means() -> None:
    rows = np.random.default_rng(0).standard_normal((60, 1))
    means = np.array([rows[group::10].mean() for group in range(10)])
    low, high = stats.t.interval(0.95, 9, means.mean(), means.std(ddof=1) / np.sqrt(10))
    (found,) = intervals(mean, [rows])
    assert (found.value, found.low, found.high) == pytest.approx((rows.mean(), low, high))


def test_the_variance_is_right_and_95_of_100_intervals_hold_the_mean() -> None:
    """The seed is fixed; of fresh seeds one in 300 would fail each bound."""
    random, trials = np.random.default_rng(1), 2000
    found = [intervals(mean, [random.normal(3, 2, (40, 1))])[0] for _ in range(trials)]
    reach = stats.t.ppf(0.975, 9)
    variances = [((one.high - one.value) / reach) ** 2 for one in found]
    # sigma^2 / n = 0.1; chi-squared with 9 degrees of freedom has a relative deviation of sqrt(2 / 9)
    assert np.mean(variances) == pytest.approx(0.1, rel=3 * np.sqrt(2 / 9 / trials))
    held = np.mean([one.low <= 3 <= one.high for one in found])
    assert held == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / trials))


def test_what_two_sets_share_falls_out_of_their_difference() -> None:
    random = np.random.default_rng(2)
    shared = 10 * random.standard_normal((40, 1))
    first, second = (shared + random.standard_normal((40, 1)) for _ in range(2))
    one, _, difference = intervals(lambda a, b: [a.mean(), b.mean(), a.mean() - b.mean()], [first, second])
    assert difference.high - difference.low < 0.5 * (one.high - one.low)


@pytest.mark.parametrize("lengths", [(40, 30), (45,), (10,)])
def test_sets_that_cannot_be_grouped_alike_are_refused(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ArtfpError, match="multiple of 10"):
        intervals(mean, [np.zeros((length, 1)) for length in lengths])
