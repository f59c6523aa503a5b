"""Images of a dataset at one side, and zips that hold images."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artfp.data.packing import ZIP_TIME
from artfp.data.readers import open_source
from artfp.files import atomic_open
from artfp.generators.dataset import decode
from artfp.images import LoadedImage, encode_png
from benchmarks.measuring.progress import Tell

Pixels = NDArray[np.uint8]


def at_side(path: Path, side: int, tell: Tell) -> Pixels:
    """All images of a dataset, N x side x side x 3 bytes."""
    with open_source(path) as source:
        return decode(source, side, True, path.parent, tell)


def png(pixels: Pixels) -> bytes:
    """One image as a file."""
    return encode_png(LoadedImage(np.ascontiguousarray(pixels)))


def pack(target: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """A zip that appears whole or not at all; the same files give the same bytes."""
    with atomic_open(target) as stream, zipfile.ZipFile(stream, "w") as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), content)
