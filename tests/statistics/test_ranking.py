"""Areas and rates over thresholds, against pairs, thresholds one by one, and normal distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from artfp.statistics.ranking import auc, equal_error_rate, fpr_at_tpr, one_vs_rest_auc, oscr, roc


def two_sets(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    first, second = random.normal(0.7, 1, 37), random.normal(0, 1, 53)
    return (np.round(first, 1), np.round(second, 1)) if ties else (first, second)


@pytest.mark.parametrize("ties", [False, True])
def test_auc_counts_pairs_and_is_the_area_below_the_curve(ties: bool) -> None:
    first, second = two_sets(0, ties)
    pairs = (first[:, None] > second).mean() + (first[:, None] == second).mean() / 2
    false, true = roc(first, second)
    assert auc(first, second) == pytest.approx(pairs)
    assert np.trapezoid(true, false) == pytest.approx(pairs)
    assert auc(second, first) == pytest.approx(1 - pairs)


def test_extremes() -> None:
    low, high = np.array([0.0, 1.0]), np.array([2.0, 3.0])
    assert (auc(high, low), auc(low, high), auc(low, low)) == (1, 0, 0.5)
    assert (equal_error_rate(high, low), equal_error_rate(low, high)) == (0, 1)
    assert equal_error_rate(np.zeros(3), np.zeros(5)) == 0.5
    assert (fpr_at_tpr(high, low), fpr_at_tpr(low, high)) == (0, 1)


def test_normal_distributions_have_their_closed_forms() -> None:
    """At even quantiles instead of draws: nothing is left to luck."""
    places = (np.arange(20_000) + 0.5) / 20_000
    known, unknown = norm.ppf(places) + 1.5, norm.ppf(places)
    assert auc(known, unknown) == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=1e-4)
    assert equal_error_rate(known, unknown) == pytest.approx(norm.sf(0.75), abs=1e-4)
    assert fpr_at_tpr(known, unknown) == pytest.approx(norm.sf(norm.ppf(0.05) + 1.5), abs=1e-3)


@pytest.mark.parametrize("ties", [False, True])
def test_the_equal_error_rate_lies_between_those_of_the_thresholds_around_it(ties: bool) -> None:
    first, second = two_sets(1, ties)
    found = equal_error_rate(first, second)
    rates = [((first < t).mean(), (second >= t).mean()) for t in np.unique([*first, *second])]
    misses, alarms = zip(*rates, strict=True)
    assert max(min(pair) for pair in rates) <= found <= min(max(pair) for pair in rates)
    assert np.interp(found, sorted(alarms), sorted(1 - np.array(misses))) == pytest.approx(1 - found)


@pytest.mark.parametrize("count", [20, 37, 100])
def test_the_threshold_of_fpr_at_tpr_is_the_highest_that_enough_pass(count: int) -> None:
    random = np.random.default_rng(count)
    known, unknown = np.round(random.normal(1, 1, count), 1), np.round(random.normal(0, 1, 50), 1)
    fitting = [t for t in known if (known >= t).mean() >= 0.95]
    assert fpr_at_tpr(known, unknown) == (unknown >= max(fitting)).mean()


def test_one_vs_rest_is_the_mean_over_the_classes_that_occur() -> None:
    scores, truth = np.random.default_rng(2).normal(size=(60, 4)), np.repeat([0, 1, 3], 20)
    each = [auc(scores[truth == k, k], scores[truth != k, k]) for k in (0, 1, 3)]
    assert one_vs_rest_auc(scores, truth) == pytest.approx(np.mean(each))


def test_oscr_is_the_area_below_correct_classifications_against_false_alarms() -> None:
    random = np.random.default_rng(3)
    known, right, unknown = np.round(random.normal(1, 1, 40), 1), random.random(40) < 0.7, random.normal(0, 1, 30)
    thresholds = np.unique([*known, *unknown])[::-1]
    correct = [0, *[(right & (known >= t)).mean() for t in thresholds]]
    alarms = [0, *[(unknown >= t).mean() for t in thresholds]]
    assert oscr(known, right, unknown) == pytest.approx(np.trapezoid(correct, alarms))
    assert oscr(known, np.ones(40, bool), unknown) == pytest.approx(auc(known, unknown))
    assert oscr(known, np.zeros(40, bool), unknown) == 0
