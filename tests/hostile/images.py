"""Files that are images by name, or nearly so."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artfp.seeds import numpy_generator


def picture(width: int = 64, height: int = 64) -> Image.Image:
    """Noise."""
    return Image.fromarray(numpy_generator("hostile", width, height).integers(0, 256, (height, width, 3), np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The file of an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def good() -> bytes:
    """Nothing wrong with it."""
    return encoded(picture())


def says_size(width: int, height: int) -> bytes:
    """A PNG whose header lies."""
    data = bytearray(good())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def bomb() -> bytes:
    """A PNG of 400 megapixels in 50 kB."""
    return encoded(Image.new("1", (20_000, 20_000)))


def frames(count: int = 5000) -> bytes:
    """A GIF of so many frames that to count them takes seconds."""
    one = encoded(Image.new("P", (16, 16)), "GIF")
    start = one.index(b",")  # the first frame; before it are the sizes and the colours, after it a semicolon
    return one[:start] + one[start:-1] * count + b";"


def pages(count: int = 20_000) -> bytes:
    """A TIFF whose pages each say where the next one is, all of the same pixels."""
    data = bytearray(encoded(Image.new("L", (16, 16)), "TIFF"))
    at = struct.unpack("<I", data[4:8])[0]
    size = 2 + 12 * struct.unpack("<H", data[at : at + 2])[0]
    page = bytes(data[at : at + size])
    data[at + size : at + size + 4] = struct.pack("<I", len(data))
    for number in range(count):
        following = 0 if number == count - 1 else len(data) + size + 4
        data += page + struct.pack("<I", following)
    return bytes(data)


def scans(count: int = 1000) -> bytes:
    """A progressive JPEG that goes over its pixels again and again."""
    data = encoded(picture(), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def postscript() -> bytes:
    """A program, for which Pillow would start an interpreter."""
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n(outside/touched) (w) file\n%%EOF\n"


def as_mode(mode: str, kind: str = "PNG") -> bytes:
    """That picture in another mode."""
    return encoded(picture().convert(mode), kind)


def sixteen_bits() -> bytes:
    """Grey with more steps than a byte has."""
    return encoded(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16))


def float_tiff() -> bytes:
    """Numbers of no known range, among them some that are none."""
    pixels = np.full((64, 64), np.nan, np.float32)
    return encoded(Image.fromarray(pixels), "TIFF")


def put(name: str, data: bytes | None = None) -> Any:
    """A builder of a file in the world, a photograph if nothing else."""

    def build(world: Path) -> None:
        path = world / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(good() if data is None else data)

    return build
