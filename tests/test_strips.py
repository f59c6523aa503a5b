"""Strips of rows compute what `resize` and `embed` do of whole images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from artfp.codec.store import load_codec
from artfp.data.procedural import generate
from artfp.images import resize, round_to_8_bits, to_pixels, to_tensor
from artfp.strips import shrunk, with_residual

SIZES = [(64, 64), (16, 300), (65, 64), (200, 131), (517, 16), (32, 32), (16, 9000), (9000, 16)]


def painted(height: int, width: int) -> np.ndarray:
    """A part of a square, or where that is too small the square again and again."""
    square = next(iter(generate("photo-like", 1, 520, 7)))
    return np.tile(square, (-(-height // 520), -(-width // 520), 1))[:height, :width]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("side", [32, 64])
def test_an_image_is_made_small_as_resize_does(height: int, width: int, side: int) -> None:
    pixels = painted(height, width)
    assert torch.allclose(shrunk(pixels, side), resize(to_tensor(pixels), (side, side)), atol=2e-6)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_residual_is_added_as_embedding_does(height: int, width: int) -> None:
    pixels, residual = painted(height, width), 0.1 * torch.randn(1, 3, 64, 64, generator=torch.manual_seed(1))
    whole = (to_tensor(pixels) + 1.3 * resize(residual, (height, width))).clamp(0, 1)
    expected = to_pixels(round_to_8_bits(whole))[0].astype(int)
    error = np.abs(with_residual(pixels, residual[0], 1.3) - expected)
    assert error.max() <= 1
    assert (error > 0).mean() < 1e-3, "only what lies between two levels may be rounded to either"


def test_pixels_that_nobody_may_write_to_are_left_alone() -> None:
    pixels = painted(40, 50)
    pixels.setflags(write=False)
    before = pixels.copy()
    shrunk(pixels, 32)
    with_residual(pixels, torch.ones(3, 32, 32))
    assert np.array_equal(pixels, before)


def test_a_codec_marks_through_strips_what_it_marks_as_a_whole() -> None:
    codec, pixels = load_codec("artfp-64"), painted(300, 200)
    bits = torch.arange(codec.n_bits) % 2
    residual = codec.residuals(shrunk(pixels, codec.size), bits)[0]
    marked = to_tensor(with_residual(pixels, residual))
    assert torch.equal(codec.soft_bits(marked)[0] > 0, bits > 0)
    whole = codec.embed(to_tensor(pixels), bits)
    loudness, expected = (float((each - to_tensor(pixels)).std()) for each in (marked, whole))
    assert loudness == pytest.approx(expected, rel=0.05)
