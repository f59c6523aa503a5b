"""Training images: decoded once, kept as bytes in memory or, beyond a limit, in a nameless file; then only indexed."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artfp.artefacts import listing_sha256
from artfp.data.readers import Source
from artfp.data.streams import read_ahead, thread_count
from artfp.errors import UsageError
from artfp.files import sha256_bytes
from artfp.generators.base import Batch
from artfp.generators.colours import to_opponent
from artfp.generators.settings import SIZES
from artfp.images import LoadedImage, load_image, resize, to_pixels, to_tensor
from artfp.seeds import derive_seed, numpy_generator

IN_MEMORY = 1 << 30  # bytes; larger sets are mapped from a file, which the system keeps in memory as it can
SHOWN_EVERY = 256  # images between two signs of progress

Pixels = NDArray[np.uint8]
Conditions = NDArray[np.float32]
OnProgress = Callable[[int, int, str], None]


def size_of_first(source: Source) -> int:
    """The side of the first image, where it is one that a generator can have."""
    height, width = _first(source).shape[:2]
    if height != width or height not in SIZES:
        sizes = ", ".join(map(str, SIZES))
        raise UsageError(f"{source[0].name}: {width} x {height} pixels; training needs squares of {sizes} pixels")
    return height


def check_first(source: Source, size: int, resized: bool) -> None:
    """Refuse data whose first image `decode` would refuse, before anything is built."""
    _fitting(_first(source), source[0].name, size, resized)


class Contents:
    """The hash of every file that is read of a source."""

    def __init__(self, source: Source) -> None:
        self._names, self._hashes = source.names, [""] * len(source)

    def see(self, index: int, file: bytes) -> None:
        """Take note of a file; safe from several threads."""
        self._hashes[index] = sha256_bytes(file)

    @property
    def sha256(self) -> str:
        """One hash for all of them."""
        return listing_sha256(zip(self._names, self._hashes, strict=True))


def decode(
    source: Source,
    size: int,
    resized: bool,
    scratch: Path,
    on_progress: OnProgress,
    contents: Contents | None = None,
) -> Pixels:
    """All images as N x size x size x 3 bytes, in the order of the source; `contents` takes note of their files."""

    def load(index: int) -> LoadedImage:
        file = source.read_at(index)
        if contents:
            contents.see(index, file)
        return load_image(file, source[index].name)

    def fit(index: int, pixels: Pixels) -> Pixels:
        return _fitting(pixels, source[index].name, size, resized)

    return decode_each(len(source), load, fit, size, scratch, on_progress)


def decode_each(
    count: int,
    load: Callable[[int], LoadedImage],
    fit: Callable[[int, Pixels], Pixels],
    size: int,
    scratch: Path,
    on_progress: OnProgress,
) -> Pixels:
    """Images 0 ... count - 1, wherever `load` has them from, once `fit` has made them size x size x 3 bytes each."""
    pixels = _space((count, size, size, 3), scratch)
    with ThreadPoolExecutor(thread_count()) as pool:
        for index, image in enumerate(read_ahead(pool, load, range(count))):
            pixels[index] = fit(index, image.rgb)
            if index % SHOWN_EVERY == 0:
                on_progress(index, count, "reading images")
    return pixels


def one_hot(source: Source) -> Conditions:
    """A row for each image with a single one, at its class."""
    labels = [entry.label for entry in source if isinstance(entry.label, int) and entry.label >= 0]
    if len(labels) < len(source):
        raise UsageError(f"{source.path}: classes = true, but not every image has a class (dataset.json, or folders)")
    return np.eye(max(labels) + 1, dtype=np.float32)[labels]


def _first(source: Source) -> Pixels:
    if not len(source):
        raise UsageError(f"{source.path}: holds no images")
    return load_image(source.read_at(0), source[0].name).rgb


def _space(shape: tuple[int, int, int, int], scratch: Path) -> Pixels:
    size = math.prod(shape)
    if size <= IN_MEMORY:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile(dir=scratch) as file:  # without a name: it is gone with the process, however that ends
        os.posix_fallocate(file.fileno(), 0, size)  # a disk too small says so now, instead of killing the process later
        return np.memmap(file, np.uint8, "r+", shape=shape)


def _fitting(pixels: Pixels, name: str, size: int, resized: bool) -> Pixels:
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels
    if resized and height == width:
        square: Pixels = to_pixels(resize(to_tensor(pixels), (size, size)))[0]
        return square
    advice = "crop to squares" if height != width else "set resize = true, which weakens a fingerprint, or resize"
    raise UsageError(f"{name}: {width} x {height} pixels where training is at {size}; {advice} before embedding")


@dataclass(frozen=True)
class Data:
    """All that a training shows, as bytes."""

    pixels: Pixels
    conditions: Conditions | None = None  # what the networks are told of each image
    sources: Pixels | None = None  # what an image-conditional generator translates


class Order:
    """Which items batch i holds: a permutation for each epoch, so that any place is reached without those before."""

    def __init__(self, count: int, batch: int, seed: int, name: str) -> None:
        self.count, self.batch = count, batch
        self._of_epoch = lru_cache(maxsize=2)(lambda epoch: numpy_generator(seed, name, epoch).permutation(count))

    def __getitem__(self, step: int) -> NDArray[np.int64]:
        """The indices of batch `step`."""
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        epochs, places = np.divmod(positions, self.count)
        return np.array([self._of_epoch(int(e))[p] for e, p in zip(epochs, places, strict=True)], np.int64)


class Batches:
    """Batch i of a training."""

    def __init__(self, data: Data, batch: int, seed: int, mirror: bool) -> None:
        self.data, self.seed, self.mirror = data, seed, mirror
        self.order = Order(len(data.pixels), batch, seed, "gan-order")
        self.source_order = None if data.sources is None else Order(len(data.sources), batch, seed, "gan-source-order")

    def __getitem__(self, step: int) -> Batch:
        """Batch `step`."""
        data, indices = self.data, self.order[step]
        images = to_opponent(to_tensor(data.pixels[indices]))
        told = None if data.conditions is None else torch.from_numpy(data.conditions[indices])
        return Batch(self._mirrored(images, "gan-mirror", step), told, self._sources(step))

    def _sources(self, step: int) -> Tensor | None:
        if self.data.sources is None or self.source_order is None:
            return None
        images = to_opponent(to_tensor(self.data.sources[self.source_order[step]]))
        return self._mirrored(images, "gan-mirror-sources", step)

    def _mirrored(self, images: Tensor, draw: str, step: int) -> Tensor:
        if not self.mirror:
            return images
        random = torch.Generator().manual_seed(derive_seed(self.seed, draw, step))
        flipped = torch.rand(len(images), generator=random) < 0.5
        return torch.where(flipped[:, None, None, None], images.flip(-1), images)
