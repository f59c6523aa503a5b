"""The kernel distance against its definition and against expectations in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.statistics.kernel import cubic, kernel_distance, kernel_distance_in_order


def test_it_agrees_with_a_double_loop() -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((7, 4)), random.standard_normal((9, 4)) + 0.5

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 4 + 1) ** 3)

    within_x = sum(k(x[i], x[j]) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    within_y = sum(k(y[i], y[j]) for i in range(9) for j in range(9) if i != j) / (9 * 8)
    between = sum(k(a, b) for a in x for b in y) / (7 * 9)
    assert kernel_distance(x, y) == pytest.approx(within_x + within_y - 2 * between)


def test_sets_of_one_distribution_are_at_zero_on_average_however_small() -> None:
    """The seed is fixed; of fresh seeds one in 300 would lie beyond three standard errors."""
    random = np.random.default_rng(1)
    found = [kernel_distance(*random.standard_normal((2, 10, 3))) for _ in range(2000)]
    assert min(found) < 0
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))


def test_a_shifted_normal_costs_what_the_moments_say() -> None:
    """One dimension, N(0, 1) and N(m, 1): sum of C(3, r) (difference of r-th moments)^2 over r.

    The seed is fixed; of fresh seeds one in 300 would lie beyond three standard errors.
    """
    m, random = 0.8, np.random.default_rng(2)
    expected = 3 * m**2 + 3 * (m**2) ** 2 + (m**3 + 3 * m) ** 2
    found = [kernel_distance(random.standard_normal((50, 1)), random.standard_normal((50, 1)) + m) for _ in range(2000)]
    assert abs(np.mean(found) - expected) < 3 * np.std(found) / np.sqrt(len(found))


def test_in_order_it_leaves_out_what_belongs_together() -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal((7, 4))
    y = x + 0.1 * random.standard_normal((7, 4))

    def h(i: int, j: int) -> float:
        """Gretton et al. 2012, Lemma 6."""
        return float(
            (cubic(x[[i]], x[[j]]) + cubic(y[[i]], y[[j]]) - cubic(x[[i]], y[[j]]) - cubic(x[[j]], y[[i]]))[0, 0]
        )

    expected = sum(h(i, j) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    assert kernel_distance_in_order(x, y) == pytest.approx(expected)


def test_in_order_copies_are_at_zero_on_average_as_well() -> None:
    """The seed is fixed; of fresh seeds one in 300 would lie beyond three standard errors. Blindly it is far below."""
    random, found, blind = np.random.default_rng(4), [], []
    for _ in range(2000):
        x = random.standard_normal((10, 3))
        y = (x + random.standard_normal((10, 3))) / np.sqrt(2)
        found.append(kernel_distance_in_order(x, y))
        blind.append(kernel_distance(x, y))
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
    assert np.mean(blind) < -10 * np.std(blind) / np.sqrt(len(blind))
