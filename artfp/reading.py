"""Reading images for a judgement, and judging each of them on its own.

    files --threads: decode, resize--> fixed batches --threads: codec--> soft bits --> Evidence

An image is resized to the codec's size as it is read, so that images of any sizes share a batch, and the last batch
is padded, so that an image reads the same whatever came before it. Memory grows with the threads, and does not grow
with the images beyond their names and hard bits.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from artfp.codec.base import MIN_SIDE, Codec
from artfp.codec.desk import Size, Task, open_desks
from artfp.data.streams import read_ahead, thread_count
from artfp.errors import BadInputError, UsageError
from artfp.files import sha256_bytes
from artfp.images import LoadedImage, load_image
from artfp.keys.records import PairTable
from artfp.processes import side_by_side
from artfp.statistics.decision import judge_images
from artfp.statistics.evidence import Evidence
from artfp.statistics.exact import Floats
from artfp.strips import shrunk
from artfp.verdict import BadFile, ImageVerdict

LISTED = 1000  # bad files in an error message
AHEAD = 128  # files that are read while the codec is at others; of each only the codec's input is kept

Pixels = NDArray[np.uint8]  # H x W x 3
Item = tuple[str, Callable[[], bytes]]
Progress = Callable[[int, int, str], None]


class BadFilesError(BadInputError):
    """Files that cannot be judged; `files` names every one."""

    def __init__(self, files: Sequence[BadFile], total: int) -> None:
        lines = [f"  {file.reason}" for file in files[:LISTED]]
        more = [f"  ... and {len(files) - LISTED:,} more"] if len(files) > LISTED else []
        advice = "repair or remove them, or leave them out of the verdict with --skip-bad"
        super().__init__("\n".join([f"{len(files):,} of {total:,} files cannot be judged; {advice}", *lines, *more]))
        self.files, self.total = tuple(files), total


class Judged(NamedTuple):
    """An image that a judgement is about: its name, and the hash of its file as it was read."""

    name: str
    sha256: str


@dataclass(eq=False)
class Loaded:
    """One image at every internal size that is needed, or the reason why not."""

    name: str
    size: Size  # of the file
    inputs: dict[int, Tensor]
    sha256: str = ""
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Reading:
    """A codec, the keys used with it, and what it reads."""

    codec: Codec
    pairs: PairTable
    evidence: Evidence
    fast: bool = False  # without a search for cuts and turns

    @property
    def task(self) -> Task:
        """What a desk needs to know of it."""
        return Task(self.codec, self.fast)

    def gather(self, batches: Iterable[Floats]) -> None:
        """Take the soft bits of further images."""
        for soft in batches:
            self.evidence.add(soft)


def silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def listed(items: Iterable[Item]) -> list[Item]:
    """Every item once; at least one."""
    unique = list(each_once(items))
    if not unique:
        raise UsageError("no images: give image files, folders, zips or patterns")
    return unique


def each_once(items: Iterable[Item]) -> Iterator[Item]:
    """The items without those whose path came before, however it was spelled."""
    folder = functools.lru_cache(maxsize=4096)(os.path.realpath)
    seen = set()
    for name, read in items:
        path = f"{folder(os.path.dirname(name))}/{os.path.basename(name)}"  # noqa: PTH119, PTH120 - text is 20 x faster
        if path not in seen:
            seen.add(path)
            yield name, read


def read_images(
    items: Sequence[Item], readings: Sequence[Reading], skip_bad: bool, on_progress: Progress
) -> tuple[list[Judged], list[BadFile]]:
    """Stream every image into the evidence of every codec; the images that were judged, and the bad files.

    After a bad file that ends it all, the rest is only read, to list every other bad one.
    """
    sizes = sorted({reading.codec.size for reading in readings})
    judged: list[Judged] = []
    bad: list[BadFile] = []
    with side_by_side(thread_count()) as pool, open_desks(reading.task for reading in readings) as desks:
        load = functools.partial(_load, items, sizes)
        for done, loaded in enumerate(read_ahead(pool, load, range(len(items)), AHEAD), start=1):
            if loaded.problem:
                bad.append(BadFile(loaded.name, loaded.problem))
            elif skip_bad or not bad:
                judged.append(Judged(loaded.name, loaded.sha256))
                for reading, desk in zip(readings, desks, strict=True):
                    reading.gather(desk.read(loaded.inputs[reading.codec.size], loaded.size))
            on_progress(done, len(items), f"{len(bad)} bad" if bad else "")
        if bad and (not skip_bad or not judged):
            raise BadFilesError(bad, len(items))
        for reading, desk in zip(readings, desks, strict=True):
            reading.gather(desk.rest())
    return judged, bad


def read_pixels(codec: Codec, images: Sequence[Pixels]) -> Floats:
    """The soft bits, N x n, of images at hand, of any sizes: what `read_images` reads of the files that hold them."""
    inputs = (Loaded("", image.shape[:2], {codec.size: shrunk(image, codec.size)}) for image in images)
    (soft,) = read_loaded([Task(codec)], inputs)
    return soft


def read_loaded(tasks: Sequence[Task], images: Iterable[Loaded]) -> list[Floats]:
    """For each task the soft bits, N x n, of all images."""
    found: list[list[Floats]] = [[np.empty((0, task.codec.n_bits))] for task in tasks]
    with open_desks(tasks) as desks:
        for loaded in images:
            for task, desk, soft in zip(tasks, desks, found, strict=True):
                soft += desk.read(loaded.inputs[task.codec.size], loaded.size)
        for desk, soft in zip(desks, found, strict=True):
            soft += desk.rest()
    return [np.concatenate(soft) for soft in found]


def load_readable(file: bytes, name: str, max_pixels: int | None = None) -> LoadedImage:
    """An image in which a codec can read something."""
    loaded = load_image(file, name, max_pixels)
    height, width = loaded.size
    if min(height, width) < MIN_SIDE:
        raise BadInputError(f"{name}: {width} x {height} pixels is under {MIN_SIDE}")
    return loaded


def _load(items: Sequence[Item], sizes: Sequence[int], index: int) -> Loaded:
    return load_inputs(*items[index], sizes)


def load_inputs(name: str, read: Callable[[], bytes], sizes: Sequence[int], max_pixels: int | None = None) -> Loaded:
    """A file as codecs of these sizes take it, or why they cannot."""
    try:
        file = read()
        loaded = load_readable(file, name, max_pixels)
        inputs = {size: shrunk(loaded.rgb, size) for size in sizes}
        return Loaded(name, loaded.size, inputs, sha256_bytes(file))
    except (BadInputError, OSError) as error:
        return Loaded(name, (0, 0), {}, problem=str(error))


def image_verdicts(images: Sequence[Judged], readings: Sequence[Reading], trials: int) -> tuple[ImageVerdict, ...]:
    """Every image on its own: the best key of the codec in which it has the least p."""
    found = [judge_images(reading.evidence, reading.pairs, trials) for reading in readings]
    best = np.argmin([each.p for each in found], axis=0)
    keys = [_names_of(reading.pairs, each.row) for reading, each in zip(readings, found, strict=True)]
    return tuple(
        ImageVerdict(
            image.name,
            keys[i][int(found[i].row[index])],
            int(found[i].matches[index]),
            readings[i].codec.n_bits,
            float(found[i].p[index]),
            float(found[i].q[index]),
            image.sha256,
            readings[i].codec.sha256,
        )
        for index, (image, i) in enumerate(zip(images, best.tolist(), strict=True))
    )


def _names_of(pairs: PairTable, rows: NDArray[np.intp]) -> dict[int, str]:
    """Each row's key, looked up once."""
    return {row: pairs.names[row] for row in np.unique(rows).tolist()}
