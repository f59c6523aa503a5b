"""Empirical rates: counts with their bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from artfp.statistics.calibration import Share, matching_bits, matching_share, random_key_share
from artfp.statistics.evidence import Evidence


def test_a_share_carries_its_bounds_and_survives_json() -> None:
    share = Share.of(0, 3000)
    assert (share.rate, share.low) == (0, 0)
    assert share.upper == pytest.approx(1e-3, rel=0.01)
    assert share.upper < share.high
    assert Share.from_dict(share.to_dict()) == share


def test_a_share_of_nothing_may_be_anything() -> None:
    share = Share.of(0, 0)
    assert (share.low, share.high, share.upper) == (0, 1, 1)
    assert math.isnan(share.rate)


def test_images_count_as_matching_from_the_published_number_of_bits() -> None:
    key = np.random.default_rng(0).integers(0, 2, 64, np.uint8)
    images = np.repeat(key[None], 3, axis=0)
    for row, wrong in enumerate((0, 19, 20)):  # 45 of 64 bits are needed at 1e-3
        images[row, :wrong] ^= 1
    packed = np.packbits(images, axis=1)
    np.testing.assert_array_equal(matching_bits(packed, np.packbits(key), 64), [64, 45, 44])
    assert matching_share(packed, np.packbits(key), 64, 1e-3).count == 2


def test_random_keys_pass_no_more_often_than_alpha() -> None:
    """Fixed seeds; over seeds the bound fails with probability under 1e-4."""
    random = np.random.default_rng(1)
    evidence = Evidence(64)
    evidence.add(np.tanh(random.normal(0, 2, 64) + random.normal(0, 0.3, (40, 64))))
    share = random_key_share(evidence, 0.01, 20_000, random)
    assert share.total == 20_000
    assert share.count <= 200 + 4 * math.sqrt(200)
