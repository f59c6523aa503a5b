"""The images a codec trains on: one array of square 8-bit images, made once and kept beside the run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artfp.codec.evaluation import Images
from artfp.codec.settings import CodecRecipe
from artfp.data.procedural import generate_all
from artfp.data.readers import Entry, Source, open_source
from artfp.errors import BadInputError, UsageError
from artfp.files import atomic_open
from artfp.images import load_image, resize, to_pixels, to_tensor
from artfp.perceptual import MIN_SIDE
from artfp.seeds import numpy_generator

Pixels = NDArray[np.uint8]
BATCH = 64


def training_pool(recipe: CodecRecipe, cache: Path, workers: int) -> Pixels:
    """The recipe's images; painted or decoded at the first call, then mapped from `cache`."""
    if not cache.is_file():
        images = _images(recipe, workers)
        with atomic_open(cache, durable=False) as stream:
            np.save(stream, images)
    pool: Pixels = np.load(cache, mmap_mode="r", allow_pickle=False)
    return pool


def check_data(recipe: CodecRecipe) -> None:
    """Refuse a dataset that is not there or holds nothing, before a run folder is claimed for it."""
    if recipe.data is not None:
        with open_source(recipe.data) as source:
            _need_images(source)


def _need_images(source: Source) -> None:
    if not len(source):
        raise UsageError(f"{source.path}: holds no images")


def _images(recipe: CodecRecipe, workers: int) -> Pixels:
    if recipe.data is None:
        return generate_all("photo-like", recipe.images, recipe.side, recipe.seed, workers)
    return squares(recipe.data, recipe.side, recipe.images, recipe.seed)


def squares(path: Path, size: int, limit: int | None, seed: int, crop: bool = False) -> Pixels:
    """Up to `limit` images of a folder or zip, chosen by the seed, as centre squares of one size.

    Each is the largest centre square, resized; with `crop` it is cut out of the middle at full resolution.
    """
    cut = centre_crop if crop else centre_square
    with open_source(path) as source, ThreadPoolExecutor() as threads:
        entries = _chosen(source, limit, seed)
        loaded = threads.map(lambda entry: cut(load_image(source.read(entry), entry.name).rgb, size), entries)
        return np.stack(list(loaded))


def in_batches(pixels: Pixels, view: str) -> Images:
    """Squares, for `evaluate`."""
    batches = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    return Images(batches, len(pixels), view, pixels.shape[1])


@contextmanager
def viewed(path: Path, view: str, size: int, limit: int | None, seed: int) -> Iterator[Images]:
    """Up to `limit` images of a folder or zip, chosen by the seed, for `evaluate`.

    "resized" and "cropped" are squares of `size`; "full" leaves each as it is, and decodes it when its turn comes.
    """
    if view != "full":
        yield in_batches(squares(path, size, limit, seed, view == "cropped"), view)
        return
    with open_source(path) as source:
        entries = _chosen(source, limit, seed)
        yield Images((_whole(source, entry) for entry in entries), len(entries), view, None)


def _whole(source: Source, entry: Entry) -> Pixels:
    pixels = load_image(source.read(entry), entry.name).rgb
    if min(pixels.shape[:2]) < MIN_SIDE:
        raise BadInputError(f"{entry.name}: under {MIN_SIDE} pixels on its shorter side, too small to be measured")
    return pixels[None]


def _chosen(source: Source, limit: int | None, seed: int) -> list[Entry]:
    _need_images(source)
    chosen = np.sort(numpy_generator(seed, "squares").permutation(len(source))[:limit])
    return [source[int(index)] for index in chosen]


def centre_square(pixels: Pixels, size: int) -> Pixels:
    """The largest centred square, resized to `size`."""
    height, width, _ = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = to_tensor(pixels[top : top + side, left : left + side])
    return to_pixels(resize(square, (size, size)))[0]


def centre_crop(pixels: Pixels, size: int) -> Pixels:
    """The middle `size` x `size` pixels; of smaller images the centre square."""
    height, width, _ = pixels.shape
    if min(height, width) < size:
        return centre_square(pixels, size)
    top, left = (height - size) // 2, (width - size) // 2
    return pixels[top : top + size, left : left + size]
