"""Tallies agree with the formulas they stand for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.codec.fidelity import CENTRE, Fidelity, measure
from artfp.images import to_tensor


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
