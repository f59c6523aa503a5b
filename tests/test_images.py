"""The image convention and the door to it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from artfp import images
from artfp.errors import ArtfpError, BadInputError
from artfp.iptc import TRAINED, XMP_KEYWORD, xmp_packet


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def photo() -> Image.Image:
    y, x = np.mgrid[0:20, 0:30]
    return Image.fromarray(np.dstack([x * 8, y * 12, (x + y) * 4]).astype(np.uint8))


def test_pixels_survive_the_round_trip(photo: Image.Image) -> None:
    loaded = images.load_image(encoded(photo), "a.png")
    assert np.array_equal(loaded.rgb, np.asarray(photo))
    assert np.array_equal(images.to_pixels(images.to_tensor(loaded.rgb))[0], loaded.rgb)
    assert np.array_equal(images.load_image(images.encode_png(loaded), "b").rgb, loaded.rgb)


def test_nothing_beside_the_pixels_comes_through(photo: Image.Image) -> None:
    notes = PngInfo()
    notes.add_itxt(XMP_KEYWORD, xmp_packet(TRAINED))
    with Image.open(io.BytesIO(encoded(photo, pnginfo=notes))) as source:
        assert XMP_KEYWORD in source.info
    loaded = images.load_image(encoded(photo, pnginfo=notes), "a.png")
    with Image.open(io.BytesIO(images.encode_png(loaded))) as written:
        assert written.info == {}


def test_alpha_is_kept_apart(photo: Image.Image) -> None:
    alpha = Image.linear_gradient("L").resize(photo.size)
    photo.putalpha(alpha)
    loaded = images.load_image(encoded(photo), "a.png")
    assert loaded.alpha is not None
    assert np.array_equal(loaded.alpha, np.asarray(alpha))
    assert np.array_equal(images.load_image(images.encode_png(loaded), "b").alpha, loaded.alpha)


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "CMYK"])
def test_every_common_mode_becomes_rgb(photo: Image.Image, mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    loaded = images.load_image(encoded(photo.convert(mode), kind), "a")
    assert loaded.rgb.shape == (20, 30, 3)
    expected = np.asarray(photo.convert(mode).convert("RGB"))
    assert np.array_equal(loaded.rgb, expected)


def test_sixteen_bits_scale_to_eight() -> None:
    every = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    grey = images.load_image(encoded(Image.fromarray(every)), "a.png").rgb
    assert (grey[..., 0] == np.rint(every / 257.0)).all()
    wide = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    loaded = images.load_image(encoded(Image.fromarray(wide)), "a.png")
    assert loaded.rgb[0, :, 0].tolist() == [0, 1, 128, 255]


def test_photographs_stand_upright(photo: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to view
    loaded = images.load_image(encoded(photo, exif=exif), "a.png")
    assert loaded.rgb.shape == (30, 20, 3)


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_rubbish_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"odd\.png"):
        images.load_image(data, "odd.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "MPO"])
def test_the_format_of_a_file_is_what_its_bytes_say(photo: Image.Image, kind: str) -> None:
    assert images.file_format(encoded(photo, kind), "a.gif") == ("JPEG" if kind == "MPO" else kind)
    with pytest.raises(BadInputError, match=r"odd\.png"):
        images.file_format(b"not an image", "odd.png")


def test_a_truncated_file_is_refused(photo: Image.Image) -> None:
    with pytest.raises(BadInputError, match="cut"):
        images.load_image(encoded(photo.resize((400, 400)))[:-600], "cut")


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = encoded(Image.new("1", (20_000, 20_000)))
    with pytest.raises(BadInputError, match="limit"):
        images.load_image(bomb, "bomb.png")


def test_an_animation_is_refused(photo: Image.Image) -> None:
    moving = encoded(photo, "GIF", save_all=True, append_images=[photo.rotate(90)])
    with pytest.raises(BadInputError, match="animation"):
        images.load_image(moving, "moving.gif")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="gone"):
        images.load_image(tmp_path / "gone.png", "gone.png")


@pytest.mark.parametrize(
    "batch",
    [
        torch.zeros(3, 8, 8),
        torch.zeros(1, 1, 8, 8),
        torch.zeros(1, 3, 8, 8, dtype=torch.float64),
        torch.full((1, 3, 8, 8), 1.01),
        torch.full((1, 3, 8, 8), float("nan")),
    ],
)
def test_the_door_refuses_what_breaks_the_convention(batch: torch.Tensor) -> None:
    with pytest.raises(ArtfpError):
        images.check_images(batch)


def test_rounding_keeps_what_a_file_keeps_and_lets_the_gradient_pass() -> None:
    values = torch.rand(2, 3, 4, 4, requires_grad=True)
    rounded = images.round_to_8_bits(values)
    expected = (values.detach().numpy() * 255).round() / 255
    assert np.allclose(rounded.detach().numpy(), expected, atol=1e-6)
    rounded.sum().backward()
    assert torch.equal(values.grad, torch.ones_like(values))


def test_resizing_to_the_same_size_changes_nothing() -> None:
    batch = torch.rand(1, 3, 9, 7)
    assert images.resize(batch, (9, 7)) is batch
    assert torch.allclose(images.resize(torch.full((1, 3, 9, 7), 0.3), (64, 64)), torch.tensor(0.3))
