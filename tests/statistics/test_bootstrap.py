"""The bootstrap within groups, where its spread is known."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.statistics.bootstrap import bootstrapped


def test_of_a_mean_it_reaches_two_standard_errors() -> None:
    """The seed is fixed; 1,000 draws give the ends of the interval to a few parts in a hundred."""
    values = np.random.default_rng(0).normal(3, 2, 400)
    (found,) = bootstrapped(lambda rows: [values[rows].mean()], np.zeros(400, np.int64), np.random.default_rng(1))
    assert found.value == values.mean()
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_every_group_keeps_its_number_of_images() -> None:
    groups = np.repeat([2, 0, 7], [5, 1, 94])
    (share,) = bootstrapped(lambda rows: [(groups[rows] == 0).mean()], groups, np.random.default_rng(0), draws=20)
    assert (share.low, share.high) == (0.01, 0.01)


def test_what_two_numbers_share_falls_out_of_their_difference() -> None:
    random = np.random.default_rng(2)
    first = 10 * random.normal(size=200)
    second = first + random.normal(size=200)
    groups = np.zeros(200, np.int64)
    one, difference = bootstrapped(
        lambda rows: [first[rows].mean(), (second - first)[rows].mean()], groups, random, draws=200
    )
    assert difference.high - difference.low < 0.2 * (one.high - one.low)
