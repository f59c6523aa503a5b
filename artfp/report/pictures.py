"""Pictures inside the page: data URIs, and the amplified difference that shows where a mark sits."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from artfp.errors import BadInputError
from artfp.report.run_folder import Strip

AMPLIFICATION = 10
LARGEST_SIDE = 1024  # pictures are shrunk to this: a page, not an archive
REFUSED_SIDE = 16_384


@dataclass(frozen=True)
class Picture:
    """An image as a data URI, with its size in image pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Triptych:
    """Original, marked, and their amplified difference."""

    name: str
    original: Picture
    marked: Picture
    difference: Picture
    psnr: float
    largest_change: int  # in levels of 255


def triptych(strip: Strip) -> Triptych:
    """The pair and its difference around mid-grey: what embedding left alone is grey."""
    original, marked = _read_pixels(strip.original), _read_pixels(strip.marked)
    if original.shape != marked.shape:
        raise BadInputError(f"{strip.marked}: not of the size of {strip.original.name}")
    change = marked.astype(np.int16) - original.astype(np.int16)
    return Triptych(
        name=strip.name,
        original=_picture(original),
        marked=_picture(marked),
        difference=_picture(amplified(change)),
        psnr=psnr(change),
        largest_change=int(np.abs(change).max()),
    )


def amplified(change: NDArray[np.int16]) -> NDArray[np.uint8]:
    """A signed change, amplified around mid-grey."""
    return np.clip(128 + AMPLIFICATION * change, 0, 255).astype(np.uint8)


def psnr(change: NDArray[np.int16]) -> float:
    """Peak signal-to-noise ratio of a change, in decibels."""
    mse = float(np.square(change.astype(np.float64)).mean())
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def picture(path: Path, largest: int = LARGEST_SIDE) -> Picture:
    """An image file inside the page, no side of it larger than so many pixels."""
    return _picture(_read_pixels(path), largest)


def _read_pixels(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=("PNG",)) as image:  # all that artfp writes
            if max(image.size) > REFUSED_SIDE:
                raise BadInputError(f"{path}: {image.size[0]} x {image.size[1]} pixels is too large for a page")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (BadInputError, MemoryError):
        raise
    except Exception as error:  # whatever Pillow makes of a file that is none
        raise BadInputError(f"{path}: not a readable image ({error})") from error


def _picture(pixels: NDArray[np.uint8], largest: int = LARGEST_SIDE) -> Picture:
    """Encoded anew: nothing but pixels travels, whatever else the file held."""
    image = Image.fromarray(pixels)
    image.thumbnail((largest, largest))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Picture(uri, *image.size)
