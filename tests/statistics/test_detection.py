"""Areas and accuracies against closed forms, and what their bootstrap draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from artfp.errors import ArtfpError
from artfp.seeds import numpy_generator
from artfp.statistics.detection import KEPT, LEAKS, UNDECIDED, Detection, _areas, detection
from artfp.statistics.jackknife import Interval
from artfp.statistics.ranking import auc


def found(marked: list[float], clean: list[float], pictures: list[int] | None = None) -> Detection:
    scores = np.array([*marked, *clean])
    truth = np.arange(len(scores)) < len(marked)
    return detection(scores, truth, pictures or list(range(len(scores))), numpy_generator(0))


def test_areas_of_few_scores_are_counted_by_hand() -> None:
    assert auc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
    assert auc(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 0
    assert auc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    assert auc(np.array([1.0, 3.0]), np.array([2.0, 3.0, 0.0])) == (1 + 2.5) / 6


def test_an_area_is_the_share_of_pairs() -> None:
    random = numpy_generator("pairs")
    marked, clean = random.integers(0, 9, 40).astype(float), random.integers(0, 7, 30).astype(float)
    pairs = marked[:, None] - clean
    assert auc(marked, clean) == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2, abs=1e-12)


def test_the_area_of_two_normal_distributions_is_known() -> None:
    """Phi(d / sqrt 2), for d = 1; its standard error from 4,000 of each is .005."""
    random = numpy_generator("normal")
    assert auc(random.standard_normal(4000) + 1, random.standard_normal(4000)) == pytest.approx(
        norm.cdf(1 / np.sqrt(2)), abs=0.02
    )


def test_a_weight_is_so_many_images() -> None:
    scores, truth = np.array([0.0, 1.0, 1.0, 2.0, -1.0]), np.array([True, True, False, True, False])
    weights = np.array([2.0, 1.0, 3.0, 0.0, 1.0])
    repeated = np.repeat(np.arange(5), weights.astype(int))
    expected = auc(scores[repeated][truth[repeated]], scores[repeated][~truth[repeated]])
    assert _areas(scores, truth, weights[None])[0] == pytest.approx(expected, abs=1e-12)


def test_accuracy_is_the_mean_of_both_kinds_at_zero() -> None:
    one = found([1.0, -1.0, 2.0, 3.0], [-1.0, 0.0])
    assert one.accuracy.value == (3 / 4 + 1) / 2
    assert (one.marked, one.clean) == (4, 2)
    assert one.auc.value == auc(np.array([1.0, -1.0, 2.0, 3.0]), np.array([-1.0, 0.0]))


def test_both_images_of_a_picture_are_drawn_together() -> None:
    """Marked and clean of each picture have one score but for a hair: paired, the area hardly varies."""
    scores = list(numpy_generator("pictures").standard_normal(60))
    higher = [score + 1e-6 for score in scores]
    paired = found(higher, scores, [*range(60), *range(60)]).auc
    apart = found(higher, scores).auc
    assert paired.high - paired.low < 0.1 * (apart.high - apart.low)


def test_intervals_hold_the_true_area() -> None:
    """Nineteen times of twenty; of 40 such experiments fewer than 33 do once in a thousand."""
    truth, held = norm.cdf(1 / np.sqrt(2)), 0
    for experiment in range(40):
        random = numpy_generator("intervals", experiment)
        auc = found(list(random.standard_normal(60) + 1), list(random.standard_normal(60))).auc
        held += auc.low <= truth <= auc.high
    assert held >= 33


@pytest.mark.parametrize(
    ("auc", "finding"),
    [
        ((0.6, 0.52, 0.68), LEAKS),
        ((0.4, 0.32, 0.48), LEAKS),
        ((0.6, 0.49, 0.71), UNDECIDED),
        ((0.52, 0.501, 0.539), KEPT),
        ((0.54, 0.51, 0.57), UNDECIDED),
    ],
)
def test_a_finding_looks_on_both_sides_of_a_half(auc: tuple[float, float, float], finding: str) -> None:
    assert Detection(50, 50, Interval(*auc), Interval(0.5, 0.4, 0.6)).finding == finding


def test_what_tells_nothing_is_refused() -> None:
    with pytest.raises(ArtfpError, match="one kind"):
        found([1.0], [])
    with pytest.raises(ArtfpError, match="not a number"):
        found([np.nan], [1.0])
