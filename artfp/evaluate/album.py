"""Images of any sizes in a file that processes map instead of loading: what is swept is decoded or generated once.

NAME.raw    the bytes of all images, one after another
NAME.json   their heights and widths; written last
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from artfp.files import atomic_open, read_json, write_json

Pixels = NDArray[np.uint8]  # H x W x 3


class Album(Sequence[Pixels]):
    """The images in such a file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._shapes = [(height, width, 3) for height, width in read_json(folder / f"{name}.json")]
        self._ends = [0, *accumulate(map(math.prod, self._shapes))]
        self._bytes = np.memmap(folder / f"{name}.raw", np.uint8, "r") if self._shapes else np.empty(0, np.uint8)

    def __len__(self) -> int:
        return len(self._shapes)

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pixels]: ...
    def __getitem__(self, index: int | slice) -> Pixels | list[Pixels]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return np.array(self._bytes[self._ends[index] : self._ends[index + 1]]).reshape(self._shapes[index])

    @property
    def sizes(self) -> set[tuple[int, int]]:
        """Heights and widths that there are."""
        return {(height, width) for height, width, _ in self._shapes}


def kept(folder: Path, name: str, images: Callable[[], Iterable[Pixels]]) -> Album:
    """The album of this name; filled by the first call, whole or not at all."""
    if not (folder / f"{name}.json").exists():
        shapes = []
        with atomic_open(folder / f"{name}.raw") as stream:
            for image in images():
                stream.write(np.ascontiguousarray(image).tobytes())
                shapes.append(image.shape[:2])
        write_json(folder / f"{name}.json", shapes)
    return Album(folder, name)


def side_of(albums: Iterable[Album]) -> int | None:
    """The side of all images, where all are squares of one."""
    sizes = {size for album in albums for size in album.sizes}
    (height, width), *others = sizes
    return height if not others and height == width else None
