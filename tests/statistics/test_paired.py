"""Differences: closed forms, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from artfp.seeds import numpy_generator
from artfp.statistics import paired
from artfp.statistics.jackknife import Interval
from artfp.statistics.paired import beside, bootstrapped_mean, independent_difference, paired_difference


def test_what_differs_by_a_constant_has_an_interval_of_no_length() -> None:
    b = [0.5, 0.25, 0.75]
    found = paired_difference([value + 0.125 for value in b], b, numpy_generator("constant"))
    assert found == Interval(0.125, 0.125, 0.125)


def test_the_same_seed_draws_the_same_interval() -> None:
    a, b = numpy_generator("a").random(50), numpy_generator("b").random(50)
    assert paired_difference(a, b, numpy_generator(1)) == paired_difference(a, b, numpy_generator(1))


def test_the_bootstrap_agrees_with_the_normal_interval_of_the_mean() -> None:
    """Of 400 nearly normal differences the percentiles are those of the mean, to about 3 % of their distance."""
    a, b = numpy_generator("left").normal(0.8, 0.1, 400), numpy_generator("right").normal(0.7, 0.1, 400)
    found = paired_difference(a, b, numpy_generator("draws"))
    reach = 1.96 * (a - b).std() / math.sqrt(400)
    assert found.value == pytest.approx((a - b).mean())
    assert (found.high - found.low) / 2 == pytest.approx(reach, rel=0.1)


def test_pairing_takes_out_what_images_share() -> None:
    shared = numpy_generator("shared").normal(0.7, 0.2, 300)
    a = shared + numpy_generator("a").normal(0.02, 0.01, 300)
    together = paired_difference(a, shared, numpy_generator("draws"))
    apart = independent_difference(_interval(a), _interval(shared))
    assert together.low > 0 > apart.low
    assert together.value == pytest.approx(apart.value)


def _interval(values: np.ndarray) -> Interval:
    mean, reach = float(values.mean()), 1.96 * float(values.std()) / math.sqrt(len(values))
    return Interval(mean, mean - reach, mean + reach)


def test_independent_intervals_add_as_squares() -> None:
    found = independent_difference(Interval(0.9, 0.87, 0.92), Interval(0.8, 0.75, 0.84))
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - 0.05)  # .03 and .04
    assert found.high == pytest.approx(0.1 + math.hypot(0.02, 0.05))


def test_a_difference_turned_round_is_its_opposite() -> None:
    a, b = Interval(0.9, 0.87, 0.92), Interval(0.8, 0.75, 0.84)
    there, back = independent_difference(a, b), independent_difference(b, a)
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


def test_of_very_many_images_the_bootstrap_draws_in_blocks_what_it_would_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = numpy_generator("values").random(60)
    at_once = bootstrapped_mean(values, numpy_generator("draws"))
    monkeypatch.setattr(paired, "DRAWN_AT_ONCE", 60 * 7)
    assert bootstrapped_mean(values, numpy_generator("draws")) == at_once


def test_beside_measures_both_against_the_third_and_then_their_differences() -> None:
    measure = beside(lambda one, third: (one - third, one * third))
    assert measure(7, 5, 2) == [5, 14, 3, 10, 2, 4]
