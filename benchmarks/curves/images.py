"""The data of a point: chosen from a zip at 32 px, and stored again as a publisher or a trainer might."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

from artfp.data.writers import image_name
from artfp.errors import UsageError
from artfp.images import resize, to_pixels, to_tensor
from artfp.seeds import numpy_generator
from benchmarks.curves.grid import AS_IS
from benchmarks.measuring.images import Pixels, at_side, pack, png
from benchmarks.measuring.progress import Tell

SIDE = 32
KEPT = 7 / 8  # of the side, by a random crop


def pixels_of(path: Path, tell: Tell) -> Pixels:
    """All images of a dataset, N x SIDE x SIDE x 3 bytes."""
    return at_side(path, SIDE, tell)


def originals(data: Path, count: int | None, target: Path, tell: Tell) -> Path:
    """The unmarked images at SIDE, in a zip: all, or `count` chosen so that every smaller choice lies in it."""
    if not target.exists():
        pixels = pixels_of(data, tell)
        pack(target, ((image_name(i), png(pixels[row])) for i, row in enumerate(chosen(len(pixels), count, data))))
    return target


def chosen(available: int, count: int | None, data: Path) -> list[int]:
    """Which images, in their order."""
    if count is None:
        return list(range(available))
    if count > available:
        raise UsageError(f"{data.name}: holds {available:,} images, not {count:,}")
    return sorted(numpy_generator("curves-choice").permutation(available)[:count].tolist())


def stored(source: Path, way: str, target: Path, tell: Tell) -> Path:
    """The same images after one of the ways to store them; as they are, they stay where they are."""
    if way == AS_IS:
        return source
    if not target.exists():
        suffix, store = STORAGES[way]
        pixels = pixels_of(source, tell)
        pack(target, ((image_name(i).replace(".png", suffix), store(image, i)) for i, image in enumerate(pixels)))
    return target


def mirrored(pixels: Pixels, index: int) -> bytes:
    """The image or its mirror, by a coin of its index: marked data and twin's data flip alike."""
    return png(pixels[:, ::-1] if numpy_generator("curves-mirror", index).random() < 0.5 else pixels)


def cropped(pixels: Pixels, index: int) -> bytes:
    """A random part of the image, resized back."""
    side = round(KEPT * SIDE)
    top, left = numpy_generator("curves-crop", index).integers(0, SIDE - side + 1, 2)
    part = to_tensor(pixels[top : top + side, left : left + side])
    return png(to_pixels(resize(part, (SIDE, SIDE)))[0])


def jpeg(quality: int) -> Callable[[Pixels, int], bytes]:
    """Pillow's JPEG, with its usual chroma subsampling."""

    def store(pixels: Pixels, _index: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    return store


STORAGES: Mapping[str, tuple[str, Callable[[Pixels, int], bytes]]] = {
    "mirrored": (".png", mirrored),
    "jpeg90": (".jpg", jpeg(90)),
    "jpeg75": (".jpg", jpeg(75)),
    "cropped": (".png", cropped),
}
