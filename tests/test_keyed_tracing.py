"""Whom images name: soft bits whose keys are known, and the exact chances that innocents are named with."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.keys.fingerprint import pack
from artfp.statistics.evidence import Evidence
from artfp.statistics.exact import binomial_tail
from benchmarks.keyed.collusion import agreed
from benchmarks.keyed.grid import Keys
from benchmarks.keyed.keys import read_of
from benchmarks.keyed.tracing import NOBODY, Candidates, named, named_alone, needed, tally, traced
from benchmarks.measuring.reading import evidence_of

BITS = np.random.default_rng(5).integers(0, 2, (2000, 64), np.uint8)
CANDIDATES = Candidates(pack(BITS), 10, 64)
SIGNS = 2.0 * BITS - 1


def folder(soft: np.ndarray, images: int = 4) -> Evidence:
    """As many images that all read like this."""
    return evidence_of(64, [np.tile(soft, (images, 1)).astype(np.float32)])


def test_an_image_needs_59_of_64_bits_to_be_traced_among_a_million_keys() -> None:
    assert needed(np.zeros((10**6, 8), np.uint8), 64, 1e-6) == 59


def test_a_folder_of_one_key_names_it_among_all() -> None:
    for row in (0, 7, 1500):
        assert named(folder(0.3 * SIGNS[row]), CANDIDATES.packed, 1e-6).tolist() == [row]


def test_equal_weights_name_a_key_exactly_where_the_binomial_tail_allows() -> None:
    """Soft bits of one size make T a binomial; the k-th flipped bit is the last that is borne."""
    most = next(k for k in range(64) if binomial_tail(64 - k - 1, 64) * len(BITS) / 0.999 > 1e-3)
    for flipped, found in ((most, [3]), (most + 1, [])):
        soft = 0.5 * SIGNS[3]
        soft[:flipped] *= -1
        assert named(folder(soft), CANDIDATES.packed, 1e-3).tolist() == found


def test_bits_of_nobody_name_nobody() -> None:
    """Fixed: 200 random folders against 2,000 keys, of which one in a thousand may name somebody by luck."""
    random = np.random.default_rng(9)
    found = [named(folder(random.uniform(-1, 1, 64)), CANDIDATES.packed, 1e-3) for _ in range(200)]
    assert sum(map(len, found)) == 0


def test_a_coalition_is_named_one_by_one_and_innocents_are_counted() -> None:
    both, other = (SIGNS[1] + SIGNS[2]) / 2, SIGNS[5] * 0.9
    found = [traced(folder(soft), CANDIDATES, 1e-3) for soft in (both, other)]
    told = tally(found, [[1, 2], [3]], CANDIDATES)
    assert (told["folders"], told["images"], told["total_bits"]) == (2, [4], 4 * 64 * 3)
    same = [int((BITS[1] == BITS[2]).sum()), int((BITS[5] == BITS[3]).sum())]
    zero_reads_0 = (BITS[1] != BITS[2]).sum()  # a soft bit of 0 agrees with whichever of the two has a 0
    assert told["matching_bits"] == 4 * (2 * same[0] + zero_reads_0 + same[1])
    assert told["among"][0] == {"keys": 10, "any": 1, "all": 1, "innocent": 1, "named": 2, "innocents": 1}
    assert told["among"][1]["keys"] == 2000
    assert agreed(found, [[1, 2], [3]], CANDIDATES) == {"matching_bits": same[0] + same[1], "total_bits": same[0] + 64}


def test_each_image_names_the_nearest_key_or_nobody() -> None:
    soft = np.stack([SIGNS[4], SIGNS[1999], np.ones(64)])
    soft[0, :3] *= -1
    evidence = evidence_of(64, [soft.astype(np.float32)])
    assert named_alone(evidence, CANDIDATES.packed, 1e-6).tolist() == [4, 1999, NOBODY]


def test_recipients_and_their_images_are_counted() -> None:
    """Twenty recipients of three images: all but one read rightly, whose images carry the next one's key."""
    candidates = Candidates(pack(BITS), 20, 64)
    carried = np.repeat(np.arange(20), 3)
    carried[-3:] = 0
    found = read_of(SIGNS[carried].astype(np.float32), candidates, Keys(issued=20, registered=2000, images=3))
    assert found["folders"]["among"][1]["any"] == 19
    assert found["folders"]["among"][1]["innocents"] == 1
    assert (found["single"]["traced"]["count"], found["single"]["innocents"]) == (57, 3)
    agreement = float((BITS[19] == BITS[0]).mean())
    assert found["least"] == pytest.approx(agreement)
    assert found["bits"]["value"] == pytest.approx((19 + agreement) / 20)
