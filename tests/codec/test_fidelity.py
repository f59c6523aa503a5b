"""Tallies agree with the formulas they stand for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.codec.evaluation import Images, read_clean
from artfp.codec.fidelity import Fidelity, measure
from artfp.images import to_tensor
from artfp.similarity import CENTRE


def test_identical_images_have_no_error_and_full_similarity(dct: DctCodec) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 16, 24, 3), np.uint8)
    tally = measure(dct, images, images, np.zeros((2, dct.n_bits), np.uint8))
    assert (tally.images, tally.squared_error, tally.values) == (2, 0, 2 * 16 * 24 * 3)
    assert tally.psnr == math.inf
    assert tally.ssim == pytest.approx(1)
    assert tally.bits_total == 2 * dct.n_bits


def test_psnr_and_accuracy_follow_from_the_sums(dct: DctCodec) -> None:
    clean = np.full((1, 32, 32, 3), 100, np.uint8)
    marked = clean + np.uint8(2)
    bits = (dct.soft_bits(to_tensor(marked)).numpy() > 0).astype(np.uint8)
    bits[0, :16] ^= 1
    tally = measure(dct, clean, marked, bits)
    assert tally.psnr == pytest.approx(20 * math.log10(255 / 2))
    assert tally.bit_accuracy == 1 - 16 / dct.n_bits


def test_tallies_add_up_and_nothing_is_nothing() -> None:
    one = Fidelity(1, 2, 4, 5, 6, 0.5)
    assert one + one == Fidelity(2, 4, 8, 10, 12, 1.0)
    assert math.isnan(Fidelity().bit_accuracy)
    assert math.isnan(Fidelity().ssim)


def test_large_images_are_compared_at_their_centre(dct: DctCodec) -> None:
    clean = np.full((1, CENTRE + 40, 64, 3), 128, np.uint8)
    marked = clean.copy()
    marked[:, :5] = 0  # outside the centre
    tally = measure(dct, clean, marked, np.zeros((1, dct.n_bits), np.uint8))
    assert tally.ssim == pytest.approx(1)
    assert tally.squared_error > 0


def test_clean_bits_are_counted_over_batches_of_any_size(dct: DctCodec) -> None:
    random = np.random.default_rng(2)
    batches = [random.integers(0, 256, shape, np.uint8) for shape in ((3, 64, 64, 3), (1, 40, 72, 3), (2, 64, 64, 3))]
    told: list[int] = []
    found = read_clean(dct, Images(batches, 6, "full", None), lambda done, total, note: told.append(done))
    ones = [0] * dct.n_bits
    for image in [image for batch in batches for image in batch]:
        for bit, soft in enumerate(dct.soft_bits(to_tensor(image))[0].tolist()):
            ones[bit] += soft > 0
    assert found.ones == tuple(ones)
    assert found.farthest == max(abs(count / 6 - 0.5) for count in ones)
    assert told == [3, 4, 6]
