"""What adversaries share: keys of their own, marking, and reading."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from artfp.attacks.attempts import drawn_key, marking, share_read
from artfp.codec.dct import DctCodec
from artfp.images import to_pixels, to_tensor


def test_images_are_marked_as_the_codec_marks_them_all_at_once(dct: DctCodec, clean_pixels: np.ndarray) -> None:
    key = drawn_key(dct.n_bits, 1)
    many = np.concatenate([clean_pixels, clean_pixels])
    at_once = to_pixels(dct.embed(to_tensor(many), torch.from_numpy(key)))
    np.testing.assert_array_equal(marking(dct, key)(many), at_once)


def test_the_share_read_of_a_key_is_all_of_its_own_and_none_of_its_opposite(
    dct: DctCodec, clean_pixels: np.ndarray
) -> None:
    key = drawn_key(dct.n_bits, 1)
    images = marking(dct, key)(clean_pixels)
    assert share_read(dct, images, key) > 0.95
    assert share_read(dct, images, 1 - key) == pytest.approx(1 - share_read(dct, images, key))


def test_a_drawn_key_follows_from_the_seed() -> None:
    assert np.array_equal(drawn_key(64, 1, "his"), drawn_key(64, 1, "his"))
    assert not np.array_equal(drawn_key(64, 1, "his"), drawn_key(64, 2, "his"))
