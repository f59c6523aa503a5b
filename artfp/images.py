"""THE image convention: float32, N x 3 x H x W, RGB, [0, 1]; checked once at the door."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from artfp.errors import ArtfpError, BadInputError
from artfp.iptc import XMP_KEYWORD
from artfp.limits import PIXELS, SCANS, SIDE
from artfp.png import png

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm"})
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")  # not all that Pillow has: for EPS it starts Ghostscript
SCAN = b"\xff\xda"  # begins a pass of a JPEG; in its compressed data FF is followed by other bytes
NO_FORMAT = f"not a readable image (none of {', '.join(FORMATS)})"

Image.MAX_IMAGE_PIXELS = None  # our own limit can be set, and is an error instead of a warning


@dataclass(frozen=True)
class LoadedImage:
    """One decoded file: 8-bit RGB and, where the file has one, its alpha channel."""

    rgb: NDArray[np.uint8]  # H x W x 3
    alpha: NDArray[np.uint8] | None = None  # H x W

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.rgb.shape[0], self.rgb.shape[1]


def check_images(images: Tensor) -> Tensor:
    """Return the batch unchanged if it follows the convention; say what is wrong otherwise."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ArtfpError(f"images must be N x 3 x H x W, not {tuple(images.shape)}")
    if images.dtype != torch.float32:
        raise ArtfpError(f"images must be float32, not {images.dtype}")
    if images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise ArtfpError("images must lie in [0, 1] and hold no NaN")
    return images


def load_image(source: Path | bytes, name: str, max_pixels: int | None = None) -> LoadedImage:
    """Decode a file of any common mode, upright; refuse bombs, animations and corrupt data by name."""
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            _refuse_unusable(image, name, max_pixels)
            _refuse_many_scans(image, source, name)
            image.load()
            return _to_rgb_and_alpha(ImageOps.exif_transpose(image), name)
    except ArtfpError:
        raise
    except UnidentifiedImageError as error:  # its text holds an address in memory, different every time
        raise BadInputError(f"{name}: {NO_FORMAT}") from error
    # Pillow's decoders raise whatever their format does (struct.error, SyntaxError, zlib.error ...).
    except MemoryError:
        raise
    except Exception as error:
        raise BadInputError(f"{name}: not a readable image ({error})") from error


def file_format(file: bytes, name: str) -> str:
    """What a file is by its content, as "PNG" or "JPEG", whatever its name says; pixels are not decoded."""
    try:
        with Image.open(io.BytesIO(file), formats=FORMATS) as image:
            return "JPEG" if image.format == "MPO" else str(image.format)
    except MemoryError:
        raise
    except Exception as error:
        raise BadInputError(f"{name}: {NO_FORMAT}") from error


def _refuse_unusable(image: Image.Image, name: str, max_pixels: int | None) -> None:
    width, height = image.size
    if width * height > PIXELS.value:
        raise BadInputError(f"{name}: {width} x {height} pixels is {PIXELS.words}")
    if max_pixels is not None and width * height > max_pixels:
        raise BadInputError(f"{name}: {width} x {height} pixels is over the limit of {max_pixels:,}")
    if max(width, height) > SIDE.value:
        raise BadInputError(f"{name}: {width} x {height} pixels; a side of them is {SIDE.words}")
    # phones store a second view in their JPEGs, which Pillow calls MPO; the first is the photograph
    if getattr(image, "is_animated", False) and image.format != "MPO":  # to count the frames can take for ever
        raise BadInputError(f"{name}: an animation or multi-page file; give single images")


def _refuse_many_scans(image: Image.Image, source: Path | bytes, name: str) -> None:
    """A small file can have thousands, each of which goes over all pixels."""
    if image.info.get("progressive"):
        count = (source if isinstance(source, bytes) else source.read_bytes()).count(SCAN)
        if count > SCANS.value:
            raise BadInputError(f"{name}: {count:,} scans is {SCANS.words}")


def _to_rgb_and_alpha(image: Image.Image, name: str) -> LoadedImage:
    if image.mode == "F":
        raise BadInputError(f"{name}: floating-point image: its range is unknown; convert it to 8 or 16 bits")
    if image.mode.startswith("I"):
        return LoadedImage(_wide_grey_to_rgb(image))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA"))
        return LoadedImage(np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]))
    return LoadedImage(np.asarray(image.convert("RGB")))


def _wide_grey_to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """16-bit grey to 8 bits by 65535 -> 255; Pillow's own conversion would clip instead."""
    wide = np.clip(np.asarray(image), 0, 65_535).astype(np.uint32)
    wide += 128  # to the nearest: 257 is odd, and nothing lies half-way
    wide //= 257
    return np.repeat(wide.astype(np.uint8)[..., None], 3, axis=2)


def encode_png(image: LoadedImage, xmp: str | None = None) -> bytes:
    """Lossless PNG bytes, with an XMP packet where one is given and nothing else beside the pixels.

    The same pixels and packet always give the same bytes with the same zlib.
    """
    pixels = image.rgb if image.alpha is None else np.dstack([image.rgb, image.alpha])
    return png(pixels, None if xmp is None else (XMP_KEYWORD, xmp))


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """H x W x 3 or N x H x W x 3 bytes to a batch of the convention."""
    batch = torch.from_numpy(np.array(pixels if pixels.ndim == 4 else pixels[None]))
    return batch.permute(0, 3, 1, 2).to(torch.float32).div(255)


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """A batch of the convention to N x H x W x 3 bytes, rounded to nearest."""
    return images.mul(255).round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def round_to_8_bits(images: Tensor) -> Tensor:
    """What an 8-bit file keeps; the gradient passes as if nothing had happened."""
    rounded = images.detach().mul(255).round_().clamp_(0, 255).div_(255)
    return images + (rounded - images).detach()


def resize(images: Tensor, size: Sequence[int]) -> Tensor:
    """Antialiased bilinear resize: the one resize of embedding, training and verification."""
    if images.shape[-2:] == torch.Size(size):
        return images
    return F.interpolate(images, size=list(size), mode="bilinear", antialias=True, align_corners=False)
