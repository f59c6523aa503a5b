"""Naming recipients: the closed form, innocents, and colluders.

Seeds are fixed, so nothing here fails by luck from run to run; each test of chance says how likely that is over seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from artfp.statistics.decision import ACCEPTED, decide
from artfp.statistics.evidence import Evidence
from artfp.statistics.exact import SignedSum, binomial_tail, scores
from artfp.statistics.tracing import Suspects, suspects


@dataclass
class Table:
    """Recipients' keys."""

    bits: np.ndarray

    def __post_init__(self) -> None:
        self.packed, self.n_bits = np.packbits(self.bits, axis=1), self.bits.shape[1]
        self.names = [f"r{row}" for row in range(len(self.bits))]
        self.origins = ["generated"] * len(self.bits)


def keys(count: int, n_bits: int, seed: int) -> Table:
    return Table(np.random.default_rng(seed).integers(0, 2, (count, n_bits), np.uint8))


def averaged(members: np.ndarray, n_images: int, seed: int, noise: float = 0.15) -> np.ndarray:
    """Soft bits of the images of copies that were averaged: the mean of the members' signs, and noise."""
    random = np.random.default_rng(seed)
    mean = 0.8 * (2.0 * members - 1).mean(axis=0)
    return np.clip(mean + noise * random.standard_normal((n_images, members.shape[1])), -1, 1)


def evidence(soft: np.ndarray) -> Evidence:
    gathered = Evidence(soft.shape[1])
    gathered.add(soft)
    return gathered


def named(soft: np.ndarray, table: Table, error: float) -> Suspects:
    return suspects(evidence(soft), table.packed, len(table.bits), error)


def agreement(soft: np.ndarray, table: Table) -> np.ndarray:
    """T of every key on the mean, spelt out."""
    return (2.0 * table.bits - 1) @ soft.mean(axis=0)


@pytest.mark.parametrize("n_images", [1, 5])
def test_the_numbers_are_those_of_both_tests(n_images: int) -> None:
    table = keys(40, 20, 0)
    soft = np.random.default_rng(1).uniform(-1, 1, (n_images, 20))
    gathered = evidence(soft)
    found = suspects(gathered, table.packed, 100, 1 - 1e-9)
    mean = SignedSum(gathered.weights).tail(scores(gathered.weights, table.packed))
    most = ((soft[:, None] > 0) == table.bits).sum(axis=2).max(axis=0)
    p = 2 * np.minimum(mean, n_images * binomial_tail(most, 20))
    q = np.minimum(p / ACCEPTED * 100, 1)
    assert found.least == q.min()
    np.testing.assert_array_equal(found.q, np.sort(q[q < 1 - 1e-9]))
    np.testing.assert_array_equal(q[found.rows], found.q)
    assert found.floor == pytest.approx(2 * 2.0**-20 / ACCEPTED * 100)


def test_one_recipient_is_named_from_a_set_or_an_image_and_nobody_else() -> None:
    """Of 20,000 keys; over seeds an innocent would be named with probability 1e-6."""
    table = keys(20_000, 64, 2)
    for n_images in (1, 16):
        found = named(averaged(table.bits[[777]], n_images, 3), table, 1e-6)
        assert found.rows.tolist() == [777]
        assert found.q[0] == found.least <= 1e-9


def test_59_of_64_bits_of_one_image_are_enough_among_a_million() -> None:
    """All equally sure, so that T is the binomial; 58 are too few."""
    table = keys(1000, 64, 4)
    soft = 2.0 * table.bits[[5]] - 1
    for wrong, rows in ((5, [5]), (6, [])):
        soft[0, :wrong] = 1 - 2.0 * table.bits[5, :wrong]
        assert suspects(evidence(soft), table.packed, 1_000_000, 1e-6).rows.tolist() == rows


def test_a_few_images_among_many_name_their_recipient() -> None:
    """By the best single image; the mean of the set says nothing of it."""
    table = keys(1000, 64, 5)
    others = np.tanh(np.random.default_rng(6).normal(0, 1, 64) + np.random.default_rng(7).normal(0, 1, (200, 64)))
    mixed = np.concatenate([others, averaged(table.bits[[9]], 2, 8)])
    assert named(mixed, table, 1e-6).rows.tolist() == [9]
    assert named(others, table, 1e-6).rows.tolist() == []


def test_two_who_average_are_both_named_and_innocents_are_not() -> None:
    """128 bits, 1,000 keys, 1e-6, from 16 images and from one; over seeds, an innocent in any of the 40 cases has a
    chance of 4e-5 at most. Each colluder has about 64 sure bits and needs 32: a chance of 1e-8 for one to be missed."""
    for seed in range(20):
        table = keys(1000, 128, 100 + seed)
        for n_images in (1, 16):
            found = named(averaged(table.bits[:2], n_images, seed), table, 1e-6)
            assert sorted(found.rows.tolist()) == [0, 1], (seed, n_images)


def test_of_64_bits_both_are_named_at_one_in_a_thousand() -> None:
    """200 pairs among 1,000 keys. They agree in 32 of the bits, give or take 4, and need 22 or so; over seeds, the
    chance that over 10 pairs are incomplete is under 1e-3, and that an innocent is named is at most .2."""
    random, incomplete = np.random.default_rng(11), 0
    table = keys(1000, 64, 12)
    for seed in range(200):
        pair = random.choice(1000, 2, replace=False)
        rows = set(named(averaged(table.bits[pair], 16, seed), table, 1e-3).rows.tolist())
        assert rows <= set(pair.tolist()), seed
        incomplete += len(rows) < 2
    assert incomplete <= 10


def test_hard_bits_alone_would_not_tell_two_who_average() -> None:
    """One image: half of the bits are right and half are coin flips, as `verify` sees it."""
    table = keys(100, 64, 13)
    soft = averaged(table.bits[:2], 1, 14)
    right = ((soft > 0) == table.bits[:2]).mean()
    assert right == pytest.approx(0.75, abs=0.1)

    class Facts:
        name, sha256, calibration = "simulated", "00", np.zeros((1, 64), np.uint8)

    assert decide([(evidence(soft), table, Facts())]).outcome != "match"
    assert sorted(named(soft, table, 1e-3).rows.tolist()) == [0, 1]


def test_what_two_put_where_they_differ_cannot_lower_both() -> None:
    """T_1 + T_2 is twice the sum over the bits in which they agree."""
    table, random = keys(2, 64, 15), np.random.default_rng(16)
    same = table.bits[0] == table.bits[1]
    soft = np.where(same, 0.9 * (2.0 * table.bits[0] - 1), random.uniform(-1, 1, (8, 64)))
    both = agreement(soft, table)
    assert both.sum() == pytest.approx(2 * 0.9 * same.sum())
    assert both.max() >= 0.9 * same.sum()


def test_c_who_average_have_the_root_of_n_over_c_deviations() -> None:
    """The mean over 200 groups, within 5 of its own standard deviations of about .07."""
    for c in (1, 2, 4, 8):
        found = []
        for seed in range(200):
            table = keys(c, 64, 1000 * c + seed)
            soft = averaged(table.bits, 1, seed, noise=0.0)
            found.append(agreement(soft, table)[0] / np.linalg.norm(soft))
        assert np.mean(found) == pytest.approx(math.sqrt(64 / c), abs=0.4)


def test_three_who_choose_the_rarer_bit_are_not_named() -> None:
    """What the other probabilities of Tardos' codes are for: over seeds, T of each has mean 0."""
    total = 0.0
    for seed in range(200):
        table = keys(3, 64, 3000 + seed)
        ones = table.bits.sum(axis=0)
        rarer = np.where(ones % 3 == 0, ones == 3, ones == 1)
        total += agreement(2.0 * rarer[None] - 1, table).mean() / 200
    assert abs(total) < 1.5


def test_innocents_of_any_images_are_named_no_more_often_than_promised() -> None:
    """800 biased, correlated sets against 20 keys of innocents, at .2: within 4 standard deviations."""
    random, often = np.random.default_rng(17), 0
    bias, mixing = random.normal(0, 1.5, 32), random.normal(0, 0.5, (4, 32))
    for seed in range(800):
        soft = np.tanh(bias + random.normal(size=(1, 4)) @ mixing + random.normal(0, 0.4, (1 + seed % 3, 32)))
        often += len(named(soft, keys(20, 32, seed), 0.2).rows) > 0
    assert often / 800 <= 0.2 + 4 * math.sqrt(0.2 * 0.8 / 800)


def test_32_bits_cannot_tell_a_million_recipients_apart() -> None:
    table = keys(10, 32, 18)
    found = suspects(evidence(2.0 * table.bits[[0]] - 1), table.packed, 1_000_000, 1e-6)
    assert found.floor > 1e-6
    assert found.rows.size == 0
