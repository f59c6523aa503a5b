"""Innocent folders: p-values hold for a biased, correlated decoder; pooling bits as coin flips does not.

Seeds are fixed, so nothing here fails by luck from run to run. Over seeds, a correct test would exceed its bound
of 4 standard deviations with probability under 4e-5 for each number checked.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from artfp.keys.fingerprint import CONSENSUS_AT
from artfp.statistics.decision import ACCEPTED, decide
from artfp.statistics.evidence import Evidence, PValues, p_values
from artfp.statistics.exact import SignedSum, binomial_tail

FOLDERS, IMAGES, N_BITS = 10_000, 32, 32
LEVELS = (0.5, 0.1, 0.01, 0.001)


def folders(count: int, seed: int) -> np.ndarray:
    """Soft bits of unmarked folders: each bit has a bias, and folders and images share hidden causes."""
    random = np.random.default_rng(seed)
    bias = random.normal(0, 1.5, N_BITS)
    mixing = random.normal(0, 0.5, (4, N_BITS))
    of_folder = random.normal(size=(count, 1, 4)) @ mixing
    of_image = 0.5 * (random.normal(size=(count, IMAGES, 4)) @ mixing)
    return np.tanh(bias + of_folder + of_image + random.normal(0, 0.4, (count, IMAGES, N_BITS)))


def evidence_of(soft: np.ndarray) -> Evidence:
    evidence = Evidence(N_BITS)
    evidence.add(soft)
    return evidence


@pytest.fixture(scope="module")
def innocents() -> tuple[np.ndarray, np.ndarray, list[PValues]]:
    """10,000 folders, a random key for each, and the tests of one against the other."""
    soft = folders(FOLDERS, seed=1)
    keys = np.packbits(np.random.default_rng(2).integers(0, 2, (FOLDERS, N_BITS), np.uint8), axis=1)
    return soft, keys, [p_values(evidence_of(own), key[None]) for own, key in zip(soft, keys, strict=True)]


def assert_valid(p: np.ndarray) -> None:
    for level in LEVELS:
        bound = level + 4 * math.sqrt(level * (1 - level) / len(p))
        assert (p <= level).mean() <= bound, f"P(p <= {level}) is {(p <= level).mean()}"


def test_the_mean_test_is_uniform_or_conservative(innocents: tuple[np.ndarray, np.ndarray, list[PValues]]) -> None:
    p = np.concatenate([each.mean for each in innocents[2] if each.mean is not None])
    assert len(p) == FOLDERS
    assert_valid(p)
    # It gives little away either: the lattice of T is fine, so the test is close to its level.
    assert (p <= 0.1).mean() > 0.09


def test_the_best_image_times_n_is_conservative(innocents: tuple[np.ndarray, np.ndarray, list[PValues]]) -> None:
    assert_valid(np.concatenate([IMAGES * each.single for each in innocents[2]]))


def test_the_combined_test_is_conservative(innocents: tuple[np.ndarray, np.ndarray, list[PValues]]) -> None:
    assert_valid(np.concatenate([each.combined for each in innocents[2]]))


def test_pooling_bits_as_coin_flips_convicts_innocents(
    innocents: tuple[np.ndarray, np.ndarray, list[PValues]],
) -> None:
    """The naive test: all N n bits of a folder against a binomial."""
    soft, keys, _ = innocents
    bits = np.unpackbits(keys, axis=1).astype(bool)[:, None]
    pooled = binomial_tail(((soft > 0) == bits).sum(axis=(1, 2)), IMAGES * N_BITS)
    assert (pooled <= 1e-6).mean() > 0.10
    assert (pooled <= 1e-10).mean() > 0.03


class Table:
    """Pairs as `decide` takes them."""

    def __init__(self, bits: np.ndarray) -> None:
        self.packed, self.n_bits = np.packbits(bits, axis=1), bits.shape[1]
        self.names = [f"key{row}" for row in range(len(bits))]
        self.origins = ["generated"] * len(bits)


class Facts:
    """A codec as `decide` takes it."""

    name, sha256 = "simulated", "00"
    calibration = np.zeros((10, N_BITS), np.uint8)


def test_verdicts_on_many_keys_keep_their_level() -> None:
    """`decide` on 1,000 folders against five keys each: the corrected q of the best is valid as well."""
    random = np.random.default_rng(4)
    q = []
    for soft in folders(1000, seed=3):
        table = Table(random.integers(0, 2, (5, N_BITS), np.uint8))
        q.append(decide([(evidence_of(soft), table, Facts())]).best.q)
    assert_valid(np.array(q))


def test_dividing_by_the_accepted_share_pays_for_the_counter_rule() -> None:
    """By enumeration of all keys: those that disagree with the consensus still have P(p / .999 <= a) <= a.

    The folder's mean is the worst that it could be: the consensus itself, or its opposite.
    """
    consensus = np.array([256, 240, 200, 150, 90, 60, 40, 30, 20, 10, 5, 3])
    signs = np.array(list(itertools.product((-1, 1), repeat=len(consensus))))
    kept = SignedSum(consensus).tail(signs @ consensus) > CONSENSUS_AT
    assert kept.mean() >= ACCEPTED
    assert kept.mean() < 1
    for folder in (consensus, -consensus, consensus[::-1].copy()):
        p = SignedSum(folder).tail(signs[kept] @ folder) / ACCEPTED
        for level in np.unique(p):
            assert (p <= level).mean() <= level * (1 + 1e-12)
