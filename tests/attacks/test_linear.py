"""The linear reader: finds what is there, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.attacks.linear import best_share, fitted, share_read

N, BITS = 1000, 12


def keys(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1.0, 1.0], (N, BITS))


def test_without_a_penalty_it_is_least_squares() -> None:
    random = np.random.default_rng(1)
    log_odds, wanted = random.standard_normal((N, 5)), random.standard_normal((N, 3))
    design = np.column_stack([log_odds, np.ones(N)])
    np.testing.assert_allclose(fitted(log_odds, wanted, 0), np.linalg.lstsq(design, wanted, rcond=None)[0])


def test_a_penalty_leaves_the_offset_free() -> None:
    weights = fitted(np.random.default_rng(1).standard_normal((N, 5)), np.full((N, 1), 7.0), penalty=1e9)
    np.testing.assert_allclose(weights, [[0]] * 5 + [[7]], atol=1e-6)


def test_a_secret_mixing_of_the_bits_is_undone() -> None:
    """Keys behind an unknown matrix are no secret."""
    matrix = np.random.default_rng(2).standard_normal((BITS, 20))
    assert best_share((keys(3) @ matrix, keys(3)), (keys(4) @ matrix, keys(4))) == 1


@pytest.mark.parametrize("seed", range(3))
def test_noise_reads_half(seed: int) -> None:
    """12,000 bits: .48 to .52 is 4.4 deviations, and seven penalties may be tried."""
    noise = np.random.default_rng(seed).standard_normal((2, N, 20))
    assert 0.48 < best_share((noise[0], keys(5)), (noise[1], keys(6))) < 0.52


def test_the_share_is_counted_by_hand() -> None:
    weights = np.array([[1.0], [0.0]])
    assert share_read(weights, np.array([[2.0], [-1.0], [3.0], [-4.0]]), np.array([[1.0], [-1], [-1], [-1]])) == 0.75
