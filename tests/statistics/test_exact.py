"""The exact distributions against enumeration, closed forms and each other."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artfp.statistics import exact
from artfp.statistics.exact import (
    SignedSum,
    binomial_tail,
    binomial_tails,
    clopper_pearson,
    compare,
    matches_needed,
    quantise,
    scores,
    upper_bound,
)


def all_sums(weights: list[int]) -> np.ndarray:
    """T of all 2^n sign patterns."""
    n = len(weights)
    signs = 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1
    return signs @ np.array(weights, np.int64)


def random_bits(seed: int, rows: int, n_bits: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (rows, n_bits), np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-256, 256), min_size=1, max_size=12))
def test_the_signed_sum_equals_enumeration(weights: list[int]) -> None:
    sums, total = all_sums(weights), sum(map(abs, weights))
    t = np.arange(-total - 3, total + 4)
    expected = (sums[None, :] >= t[:, None]).mean(axis=1)
    np.testing.assert_allclose(SignedSum(weights).tail(t), expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("n", "weight"), [(1, 5), (16, 1), (64, 256), (100, -3), (128, 17)])
def test_equal_weights_give_the_binomial(n: int, weight: int) -> None:
    matches = np.arange(n + 1)
    tail = SignedSum([weight] * n).tail((2 * matches - n) * abs(weight))
    np.testing.assert_allclose(tail, binomial_tail(matches, n), rtol=1e-10)


def test_many_weights_approach_the_normal() -> None:
    weights = np.random.default_rng(1).integers(-256, 257, 400)
    sigma = math.sqrt(float((weights**2).sum()))
    for z in (0.0, 1.0, 2.0, 3.0):
        assert float(SignedSum(weights).tail(round(z * sigma))) == pytest.approx(
            0.5 * math.erfc(z / math.sqrt(2)), rel=0.04
        )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-256, 256), min_size=1, max_size=64))
def test_the_tail_falls_from_one_to_the_floor(weights: list[int]) -> None:
    distribution, total = SignedSum(weights), sum(map(abs, weights))
    tail = distribution.tail(np.arange(-total, total + 1))
    assert tail[0] == pytest.approx(1.0, abs=1e-12)
    assert (np.diff(tail) <= 0).all()
    assert tail[-1] == distribution.floor == 2.0 ** -np.count_nonzero(weights)
    assert distribution.tail(total + 1) == 0
    assert distribution.tail(-total - 1) == tail[0]


def test_weights_of_nothing_prove_nothing() -> None:
    distribution = SignedSum([0, 0, 0])
    assert distribution.tail(0) == distribution.floor == 1


def test_deep_tails_keep_their_digits() -> None:
    """Against exact rational arithmetic: only positive terms are added, so nothing cancels."""
    weights = [256, 255, 250, 131, 77, 3] * 20
    counts = [1]
    for weight in weights:
        grown = counts + [0] * weight
        for place, count in enumerate(counts):
            grown[place + weight] += count
        counts = grown
    total = sum(weights)
    for short in (0, 10, 1000):
        expected = Fraction(sum(counts[total - short // 2 :]), 2 ** len(weights))
        assert float(SignedSum(weights).tail(total - short)) == pytest.approx(float(expected), rel=1e-11)


@pytest.mark.parametrize("n", [1, 64, 100, 128, 256])
def test_the_binomial_tail_is_the_sum_of_its_terms(n: int) -> None:
    expected = [sum(math.comb(n, j) for j in range(m, n + 1)) / 2**n for m in range(n + 1)]
    np.testing.assert_allclose(binomial_tail(np.arange(n + 1), n), expected, rtol=1e-11)
    np.testing.assert_array_equal(binomial_tail(np.array([-1, n + 1]), n), [1.0, 0.0])
    np.testing.assert_array_equal(binomial_tails(n), binomial_tail(np.arange(n + 1), n))


@pytest.mark.parametrize(("n", "needed"), [(64, (45, 51, 56)), (100, (66, 74, 80)), (128, (82, 92, 98))])
def test_the_published_numbers_of_matches(n: int, needed: tuple[int, ...]) -> None:
    assert tuple(matches_needed(n, alpha) for alpha in (1e-3, 1e-6, 1e-9)) == needed


def test_too_few_bits_can_never_match() -> None:
    assert matches_needed(8, 1e-3) == 9


@pytest.mark.parametrize(("k", "n"), [(0, 30), (1, 30), (5, 10), (29, 30), (30, 30), (7, 5000)])
def test_interval_ends_are_where_the_data_become_unlikely(k: int, n: int) -> None:
    """The definition: at each end, data at least this extreme have probability 2.5 %."""
    low, high = clopper_pearson(k, n)

    def at_least(count: int, rate: float) -> float:
        return math.fsum(
            math.comb(n, j) * rate**j * (1 - rate) ** (n - j) for j in range(count, min(n, count + 60) + 1)
        )

    assert 0 <= low <= k / n <= high <= 1
    assert low == 0 if k == 0 else at_least(k, low) == pytest.approx(0.025, rel=1e-6)
    assert high == 1 if k == n else 1 - at_least(k + 1, high) == pytest.approx(0.025, rel=1e-6)


def test_nothing_seen_is_at_most_three_in_n() -> None:
    assert upper_bound(0, 1000) == pytest.approx(3 / 1000, rel=0.01)
    assert upper_bound(0, 1000) == pytest.approx(1 - 0.05 ** (1 / 1000))
    assert upper_bound(4, 4) == 1
    assert clopper_pearson(0, 0) == (0, 1)


def test_soft_bits_are_rounded_to_the_nearest_256th() -> None:
    np.testing.assert_array_equal(quantise([-1, -0.5001, 0, 0.00194, 0.00196, 1]), [-256, -128, 0, 0, 1, 256])


@pytest.mark.parametrize("n_bits", [1, 7, 64, 100, 129])
def test_scores_are_the_signed_sums(n_bits: int) -> None:
    weights = np.random.default_rng(2).integers(-256, 257, n_bits)
    bits = random_bits(3, 50, n_bits)
    expected = (2 * bits.astype(np.int64) - 1) @ weights
    np.testing.assert_array_equal(scores(weights, np.packbits(bits, axis=1)), expected)


@pytest.mark.parametrize("n_bits", [7, 64, 100, 254, 255, 256, 300])
@pytest.mark.parametrize("blocks", [(4096, 1 << 17), (8, 32)])
def test_comparison_equals_counting(n_bits: int, blocks: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also across the seams of blocks and threads, and where all bits differ."""
    monkeypatch.setattr(exact, "KEY_BLOCK", blocks[0])
    monkeypatch.setattr(exact, "BLOCK", blocks[1])
    images, keys = random_bits(4, 21, n_bits), random_bits(5, 37, n_bits)
    images[7] = images[3]
    keys[30], keys[31] = images[0], 1 - images[0]
    matches = (images[:, None] == keys[None]).sum(axis=2)
    found = compare(np.packbits(images, axis=1), np.packbits(keys, axis=1), n_bits)
    np.testing.assert_array_equal(found.most, matches.max(axis=0))
    np.testing.assert_array_equal(found.matches, matches.max(axis=1))
    np.testing.assert_array_equal(found.row, matches.argmax(axis=1))
    every_bit_wrong = compare(np.packbits(images[:1], axis=1), np.packbits(1 - images[:1], axis=1), n_bits)
    assert every_bit_wrong.matches.tolist() == every_bit_wrong.most.tolist() == every_bit_wrong.row.tolist() == [0]


def test_the_most_matches_are_told_per_key() -> None:
    keys = np.packbits(random_bits(6, 3, 64), axis=1)
    np.testing.assert_array_equal(compare(keys[1:2], keys, 64).most[1], 64)
