"""Sample sheets, one a checkpoint, and the strip that shows all of a training at one glance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from artfp.data.survey import evenly_spaced
from artfp.files import atomic_open
from artfp.generators.base import Generator
from artfp.generators.sampling import Pixels, sample
from artfp.images import LoadedImage, encode_png, load_image

GRID = (4, 8)  # rows and columns of a sheet
MOST = 12  # rows of a strip


def write_grid(path: Path, generator: Generator, seed: int, sources: Pixels | None = None) -> None:
    """A sheet of samples as one PNG."""
    rows, columns = GRID
    images = np.concatenate(list(sample(generator, rows * columns, seed, sources=sources)))
    side = images.shape[1]
    _write(path, images.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(rows * side, columns * side, 3))


def write_strip(path: Path, sheets: Path) -> None:
    """The first row of each sheet in a folder, the oldest on top: the same noise, as the generator learns."""
    found = sorted(sheets.glob("*.png"))
    chosen = [found[-1 - at] for at in reversed(evenly_spaced(len(found), MOST))]  # the newest among them
    images = [load_image(sheet, sheet.name).rgb for sheet in chosen]
    _write(path, np.concatenate([image[: len(image) // GRID[0]] for image in images]))


def _write(path: Path, image: Pixels) -> None:
    with atomic_open(path, durable=False) as stream:
        stream.write(encode_png(LoadedImage(np.ascontiguousarray(image))))
