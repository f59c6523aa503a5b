"""From evidence to a verdict.

Keys here come from fixed seeds; over seeds, an unmarked set would reach `match` with probability 1e-6.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from artfp.errors import ArtfpError, UsageError
from artfp.statistics.decision import ACCEPTED, IMAGE_AT, Decision, decide, judge_images
from artfp.statistics.evidence import Evidence
from artfp.statistics.exact import SignedSum, binomial_tail


@dataclass
class Table:
    """Pairs as a registry gives them."""

    bits: np.ndarray
    first: int = 0

    def __post_init__(self) -> None:
        self.packed, self.n_bits = np.packbits(self.bits, axis=1), self.bits.shape[1]
        self.names = [f"key{self.first + row}" for row in range(len(self.bits))]
        self.origins = ["generated"] * len(self.bits)


@dataclass
class Facts:
    """A codec whose clean images read the given bits."""

    n_bits: int = 64
    name: str = "codec"
    sha256: str = "aa"

    def __post_init__(self) -> None:
        self.calibration = np.random.default_rng(99).integers(0, 2, (200, self.n_bits), np.uint8)


def keys(count: int, n_bits: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (count, n_bits), np.uint8)


def marked(key: np.ndarray, n_images: int, error: float, seed: int = 1) -> np.ndarray:
    """Soft bits of images that carry a key, each bit wrong with probability `error`."""
    random = np.random.default_rng(seed)
    signs = (2.0 * key - 1) * np.where(random.random((n_images, len(key))) < error, -1, 1)
    return signs * random.uniform(0.3, 1, signs.shape)


def clean(n_images: int, n_bits: int = 64, seed: int = 2) -> np.ndarray:
    """Soft bits of a biased decoder on unmarked images."""
    random = np.random.default_rng(seed)
    return np.tanh(random.normal(0, 1, n_bits) + random.normal(0, 1, (n_images, n_bits)))


def evidence(soft: np.ndarray) -> Evidence:
    gathered = Evidence(soft.shape[1])
    gathered.add(soft)
    return gathered


def test_a_marked_folder_matches_its_key() -> None:
    table = Table(keys(1000))
    found = decide([(evidence(marked(table.bits[17], 200, 0.05)), table, Facts())])
    assert (found.outcome, found.reason, found.best.key) == ("match", "", "key17")
    assert (found.n_images, found.trials) == (200, 1000)
    assert found.best.matches == 64
    assert found.best.bit_agreement == 1
    assert found.best.bit_accuracy == pytest.approx(0.95, abs=0.01)
    assert found.best.q == pytest.approx(1000 * found.best.p / ACCEPTED)
    assert found.best.q < 1e-14
    assert found.share.rate > 0.99
    assert found.calibration_share.total == 200
    assert found.calibration_share.rate < 0.05
    assert found.runner_up is not None
    assert found.margin == 1 - found.runner_up.bit_agreement
    assert found.runner_up.q == 1


def test_an_unmarked_folder_does_not() -> None:
    found = decide([(evidence(clean(200)), Table(keys(20)), Facts())])
    assert (found.outcome, found.reason) == ("no match", "")
    assert found.best.q > 1e-3


def test_logarithms_stand_beside_every_p() -> None:
    table = Table(keys(2, 128))
    best = decide([(evidence(marked(table.bits[0], 30, 0.0)), table, Facts(128))]).best
    assert best.p_mean == 2.0**-128
    for name in ("p_mean", "p_single", "p", "q"):
        assert getattr(best, f"log10_{name}") == pytest.approx(math.log10(getattr(best, name)))


def test_the_numbers_are_those_of_the_two_tests() -> None:
    table, gathered = Table(keys(1)), evidence(clean(40))
    best = decide([(gathered, table, Facts())]).best
    score = int((2 * table.bits[0].astype(int) - 1) @ gathered.weights)
    most = (np.unpackbits(gathered.hard, axis=1) == table.bits[0]).sum(axis=1).max()
    assert best.p_mean == float(SignedSum(gathered.weights).tail(score))
    assert best.p_single == pytest.approx(float(binomial_tail(most, 64)))
    assert best.p == pytest.approx(min(1, 2 * min(best.p_mean, 40 * best.p_single)))


def test_one_image_is_judged_by_the_binomial() -> None:
    table = Table(keys(1))
    soft = marked(table.bits[0], 1, 0.0)
    soft[0, :10] *= -1
    found = decide([(evidence(soft), table, Facts())])
    assert found.best.p_mean is None
    assert found.best.log10_p_mean is None
    assert found.best.matches == 54
    assert found.best.p == found.best.p_single == pytest.approx(float(binomial_tail(54, 64)))
    assert (found.share.count, found.share.total) == (1, 1)


def test_a_few_marked_images_among_many_are_found_by_the_best_single_one() -> None:
    table = Table(keys(3))
    soft = np.concatenate([clean(300), marked(table.bits[1], 3, 0.0)])
    found = decide([(evidence(soft), table, Facts())])
    assert (found.outcome, found.best.key) == ("match", "key1")
    assert found.best.p_mean is not None
    assert found.best.p_mean > 300 * found.best.p_single
    assert found.share.count >= 3
    assert found.share.low < found.share.rate < found.share.high < 0.06


def between(n_wrong: int) -> Decision:
    table = Table(keys(1))
    soft = marked(table.bits[0], 1, 0.0)
    soft[0, :n_wrong] *= -1
    return decide([(evidence(soft), table, Facts())])


@pytest.mark.parametrize(
    ("matches", "outcome"), [(51, "match"), (50, "inconclusive"), (45, "inconclusive"), (44, "no match")]
)
def test_the_thresholds_are_at_one_in_a_million_and_one_in_a_thousand(matches: int, outcome: str) -> None:
    """Of 64 bits, 51 are the fewest at 1e-6 and 45 the fewest at 1e-3."""
    found = between(64 - matches)
    assert found.outcome == outcome
    assert bool(found.reason) == (outcome == "inconclusive")


def test_too_few_bits_for_a_match_are_no_evidence_of_absence() -> None:
    table = Table(keys(4, 16))
    found = decide([(evidence(clean(50, 16)), table, Facts(16))])
    assert found.outcome == "inconclusive"
    assert "even perfect agreement" in found.reason
    assert found.floor == pytest.approx(2 * 2.0**-16 * 4 / ACCEPTED)
    perfect = decide([(evidence(marked(table.bits[0], 50, 0.0)), table, Facts(16))])
    assert perfect.outcome == "inconclusive"
    assert perfect.best.q == pytest.approx(perfect.floor)


def test_too_many_keys_for_the_bits_are_no_evidence_of_absence() -> None:
    assert decide([(evidence(clean(50, 32)), Table(keys(1, 32)), Facts(32))]).outcome == "no match"
    assert decide([(evidence(clean(50, 32)), Table(keys(3000, 32)), Facts(32))]).outcome == "inconclusive"


def test_blank_images_prove_nothing() -> None:
    found = decide([(evidence(np.zeros((2, 16))), Table(keys(1, 16)), Facts(16))])
    assert found.outcome == "inconclusive"
    assert found.best.p == 1


def test_a_weak_codec_beside_a_strong_one_cannot_be_cleared() -> None:
    strong, weak = Table(keys(1)), Table(keys(1, 8), first=1)
    pair = [(evidence(clean(9)), strong, Facts()), (evidence(clean(9, 8)), weak, Facts(8, "weak", "bb"))]
    assert decide(pair).outcome == "inconclusive"
    pair[0] = (evidence(marked(strong.bits[0], 9, 0.0)), strong, Facts())
    assert decide(pair).outcome == "match"


def test_pairs_of_all_codecs_are_trials() -> None:
    one, other = Table(keys(5)), Table(keys(7, seed=3), first=100)
    soft = marked(other.bits[2], 20, 0.1)
    found = decide([(evidence(clean(20)), one, Facts()), (evidence(soft), other, Facts(64, "other", "bb"))])
    assert (found.trials, found.best.key, found.best.codec, found.best.codec_sha256) == (12, "key102", "other", "bb")


def test_the_runner_up_is_another_key() -> None:
    """The same key with a second codec is no rival of itself."""
    one, other = Table(keys(2)), Table(keys(2, seed=3))
    pair = [
        (evidence(marked(one.bits[0], 20, 0.0)), one, Facts()),
        (evidence(marked(other.bits[0], 20, 0.1)), other, Facts(64, "other", "bb")),
    ]
    found = decide(pair)
    assert found.best.key == "key0"
    assert found.runner_up is not None
    assert found.runner_up.key == "key1"


def test_a_single_key_has_no_runner_up() -> None:
    found = decide([(evidence(clean(5)), Table(keys(1)), Facts())])
    assert found.runner_up is None
    assert found.margin is None


def test_equals_go_to_the_key_registered_first() -> None:
    bits = keys(5)
    bits[3] = bits[1]
    for rival in (bits, bits[::-1]):
        table = Table(rival)
        found = decide([(evidence(marked(bits[1], 20, 0.0)), table, Facts())])
        assert found.best.key == "key1"
        assert found.runner_up is not None
        assert (found.runner_up.key, found.margin) == ("key3", 0)


def test_the_order_of_codecs_does_not_change_the_verdict() -> None:
    parts = [
        (evidence(clean(20, seed=5)), Table(keys(9, seed=6)), Facts(64, "a", "aa")),
        (evidence(clean(20, seed=7)), Table(keys(9, seed=8), first=50), Facts(64, "b", "bb")),
    ]
    assert decide(parts) == decide(parts[::-1])


def test_a_decision_survives_json() -> None:
    found = decide([(evidence(clean(20)), Table(keys(3)), Facts())])
    assert Decision.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_codecs_without_pairs_are_left_out() -> None:
    empty = (Evidence(8), Table(np.zeros((0, 8), np.uint8)), Facts(8))
    found = decide([empty, (evidence(clean(20)), Table(keys(3)), Facts())])
    assert found.trials == 3
    with pytest.raises(UsageError, match="no key has been used"):
        decide([empty])


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(UsageError, match="no images"):
        decide([(Evidence(64), Table(keys(1)), Facts())])
    with pytest.raises(ArtfpError, match="same images"):
        decide([(evidence(clean(2)), Table(keys(1)), Facts()), (evidence(clean(3)), Table(keys(1)), Facts())])
    with pytest.raises(ArtfpError, match="number of bits"):
        decide([(evidence(clean(2)), Table(keys(1, 32)), Facts())])


def test_each_image_has_its_nearest_key() -> None:
    table = Table(keys(40))
    soft = np.concatenate([marked(table.bits[row], 1, 0.0) for row in (7, 7, 31)] + [clean(1)])
    soft[1, :9] *= -1
    images = judge_images(evidence(soft), table)
    assert images.row[:3].tolist() == [7, 7, 31]
    assert images.matches[:3].tolist() == [64, 55, 64]
    np.testing.assert_allclose(images.p, binomial_tail(images.matches, 64))
    np.testing.assert_allclose(images.q, np.minimum(1, images.p / ACCEPTED * 40))
    np.testing.assert_allclose(judge_images(evidence(soft), table, trials=80).q[:3], images.q[:3] * 2)
    assert images.p[3] > 1e-4 * IMAGE_AT
