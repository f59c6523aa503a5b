"""Collusion: the second key, and what is read of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from artfp.attacks.collusion import another_key, marked, share_read
from artfp.codec.dct import DctCodec
from artfp.images import to_pixels, to_tensor


def test_images_are_marked_as_the_codec_marks_them_all_at_once(dct: DctCodec, clean_pixels: np.ndarray) -> None:
    key = another_key(dct.n_bits, 1)
    many = np.concatenate([clean_pixels, clean_pixels])
    at_once = to_pixels(dct.embed(to_tensor(many), torch.from_numpy(key)))
    np.testing.assert_array_equal(marked(dct, many, key), at_once)


def test_the_share_read_of_a_key_is_all_of_its_own_and_none_of_its_opposite(
    dct: DctCodec, clean_pixels: np.ndarray
) -> None:
    key = another_key(dct.n_bits, 1)
    images = marked(dct, clean_pixels, key)
    assert share_read(dct, images, key) > 0.95
    assert share_read(dct, images, 1 - key) == pytest.approx(1 - share_read(dct, images, key))


def test_another_key_follows_from_the_seed() -> None:
    assert np.array_equal(another_key(64, 1), another_key(64, 1))
    assert not np.array_equal(another_key(64, 1), another_key(64, 2))
