"""Precision and recall against brute force, and where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.statistics.neighbours import NEAREST, Neighbours


def brute_force(generated: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Equations 1 to 3, vector by vector."""

    def covered(vectors: np.ndarray, by: np.ndarray) -> float:
        inside = 0
        for vector in vectors:
            for centre in by:
                reach = sorted(float(np.linalg.norm(centre - other)) for other in by)[NEAREST]  # the first is itself
                if np.linalg.norm(vector - centre) <= reach:
                    inside += 1
                    break
        return inside / len(vectors)

    return covered(generated, real), covered(real, generated)


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_they_are_what_brute_force_counts(shift: float) -> None:
    random = np.random.default_rng(0)
    generated, real = random.normal(shift, 0.7, (25, 3)), random.normal(0, 1, (40, 3))
    found = Neighbours.of(generated, real).precision_and_recall()
    assert found == pytest.approx(brute_force(generated, real))
    assert 0 < found[0] < 1 or shift in (0.0, 2.0)


def test_sets_far_apart_have_nothing_of_each_other_and_copies_all() -> None:
    real = np.random.default_rng(1).standard_normal((30, 5))
    assert Neighbours.of(real + 100, real).precision_and_recall() == (0, 0)
    assert Neighbours.of(real, real).precision_and_recall() == (1, 1)


def test_a_generator_of_one_good_image_is_precise_and_recalls_nothing() -> None:
    real = np.random.default_rng(2).standard_normal((200, 5))
    collapsed = real[:1] * 0.1 + 1e-6 * np.random.default_rng(3).standard_normal((50, 5))
    assert Neighbours.of(collapsed, real).precision_and_recall() == (1, 0)


def test_a_part_is_as_if_it_were_all() -> None:
    random = np.random.default_rng(4)
    generated, real = random.standard_normal((2, 30, 4))
    places = np.array([3, 1, 20, 7, 12, 29, 5, 6])
    part = Neighbours.of(generated, real).at(places).precision_and_recall()
    assert part == Neighbours.of(generated[places], real[places]).precision_and_recall()
