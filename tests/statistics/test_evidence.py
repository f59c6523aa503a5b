"""Evidence gathers batches without keeping images, and refuses what is no soft bit."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.errors import ArtfpError
from artfp.statistics.evidence import Evidence, mean_p_values, p_values
from artfp.statistics.exact import SignedSum, binomial_tail, quantise


def soft_bits(seed: int, n_images: int, n_bits: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (n_images, n_bits))


def test_batches_add_up_to_the_whole() -> None:
    soft = soft_bits(0, 50)
    whole, parts = Evidence(20), Evidence(20)
    whole.add(soft)
    for first in range(0, 50, 7):
        parts.add(soft[first : first + 7].astype(np.float32))
    assert parts.n_images == whole.n_images == 50
    np.testing.assert_allclose(parts.soft_sum, whole.soft_sum, atol=1e-5)
    np.testing.assert_array_equal(parts.hard, whole.hard)
    np.testing.assert_array_equal(np.unpackbits(whole.hard, axis=1, count=20), soft > 0)
    np.testing.assert_array_equal(whole.weights, quantise(soft.mean(axis=0)))


def test_an_empty_set_has_no_rows_and_no_weight() -> None:
    empty = Evidence(20)
    assert empty.hard.shape == (0, 3)
    assert not empty.weights.any()


@pytest.mark.parametrize(
    ("soft", "words"),
    [
        (np.zeros((2, 19)), "N x 20"),
        (np.zeros(20), "N x 20"),
        (np.full((1, 20), 1.01), r"\[-1, 1\]"),
        (np.full((1, 20), np.nan), "NaN"),
    ],
)
def test_what_is_no_soft_bit_is_refused(soft: np.ndarray, words: str) -> None:
    evidence = Evidence(20)
    with pytest.raises(ArtfpError, match=words):
        evidence.add(soft)
    assert evidence.n_images == 0


def test_the_comparison_is_remembered_until_images_are_added() -> None:
    evidence, keys = Evidence(20), np.zeros((4, 3), np.uint8)
    evidence.add(soft_bits(1, 5))
    first = evidence.against(keys)
    assert evidence.against(keys) is first
    evidence.add(soft_bits(2, 5))
    assert len(evidence.against(keys).row) == 10


def test_one_image_is_judged_by_its_hard_bits_alone() -> None:
    soft = soft_bits(3, 1)
    evidence = Evidence(20)
    evidence.add(soft)
    found = p_values(evidence, np.packbits(soft > 0, axis=1))
    assert found.mean is None
    assert found.combined[0] == found.single[0] == found.floor == 2.0**-20


def test_many_images_get_the_lesser_of_two_tests_at_half_of_alpha() -> None:
    evidence = Evidence(20)
    evidence.add(soft_bits(4, 6))
    keys = np.random.default_rng(5).integers(0, 256, (9, 3), np.uint8) & np.array([255, 255, 0xF0], np.uint8)
    found = p_values(evidence, keys)
    assert found.mean is not None
    signs = 2 * np.unpackbits(keys, axis=1, count=20).astype(np.int64) - 1
    np.testing.assert_array_equal(found.mean, SignedSum(evidence.weights).tail(signs @ evidence.weights))
    most = (np.unpackbits(evidence.hard, axis=1, count=20)[:, None] == (signs[None] > 0)).sum(axis=2).max(axis=0)
    np.testing.assert_allclose(found.single, binomial_tail(most, 20))
    np.testing.assert_allclose(found.combined, 2 * np.minimum(found.mean, 6 * found.single))
    assert found.floor == 2 * 2.0**-20


def test_by_the_mean_alone_no_single_image_decides() -> None:
    """The key is in all bits of the one image, and the others say the opposite."""
    evidence, one = Evidence(20), np.sign(soft_bits(6, 1))
    evidence.add(np.concatenate([one, -one, -one]))
    key = np.packbits(one > 0, axis=1)
    assert p_values(evidence, key).combined[0] == 6 * 2.0**-20
    found = mean_p_values(evidence, key)
    assert found.combined[0] == 1.0
    assert found.floor == 2.0**-20
