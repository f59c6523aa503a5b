"""What `artfp.png` writes, Pillow reads, to the pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from artfp import png

SHAPES = [(1, 1, 3), (1, 40, 3), (40, 1, 4), (17, 23, 3), (64, 64, 4), (3, 100_000, 3), (200, 700, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("content", ["noise", "ramp", "black"])
def test_pixels_come_back(shape: tuple[int, int, int], content: str) -> None:
    """Also of rows that are filtered in several strips, or longer than one."""
    count = int(np.prod(shape))
    values = {
        "noise": np.random.default_rng(0).integers(0, 256, count),
        "ramp": np.arange(count) // 7,
        "black": np.zeros(count),
    }
    pixels = values[content].astype(np.uint8).reshape(shape)
    with Image.open(io.BytesIO(png.png(pixels))) as image:
        image.verify()
    with Image.open(io.BytesIO(png.png(pixels))) as image:
        assert (image.format, image.mode, image.info) == ("PNG", "RGB" if shape[2] == 3 else "RGBA", {})
        assert np.array_equal(np.asarray(image), pixels)


def test_what_is_given_as_a_view_is_written_as_it_is_seen() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    for view in (pixels[::-1], pixels[:, ::2], pixels[..., ::-1], pixels.transpose(1, 0, 2)):
        with Image.open(io.BytesIO(png.png(view))) as image:
            assert np.array_equal(np.asarray(image), view)


def test_a_packet_is_text_that_readers_know() -> None:
    with Image.open(io.BytesIO(png.png(np.zeros((4, 4, 3), np.uint8), ("XML:com.adobe.xmp", "<ü/>")))) as image:
        assert image.info["XML:com.adobe.xmp"] == "<ü/>"


def test_a_marked_photograph_is_no_larger_than_pillow_makes_it() -> None:
    noise = np.random.default_rng(2).normal(128, 3, (128, 128, 3)) + np.arange(128)[:, None]
    pixels = noise.clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(buffer := io.BytesIO(), "PNG", compress_level=1)
    assert len(png.png(pixels)) < len(buffer.getvalue())
