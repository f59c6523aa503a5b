"""Classes of images, each a dataset of its own, and which of their images train, choose and test.

    NAME=PATH ... --sorted--> Gathering --one format? enough images?--> Preparation --decode--> Lessons, or Examples

Which part an image belongs to follows from its file's name alone, without folder and suffix: it stays there when images
are added, moved, renamed as a class, attacked or stored in another format, and so does its marked or swapped copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from artfp.data.readers import Source, open_source
from artfp.errors import BadInputError, UsageError
from artfp.files import sha256_bytes
from artfp.generators.dataset import OnProgress, decode_each
from artfp.images import LoadedImage, file_format, load_image, resize, to_pixels, to_tensor
from artfp.perturb.pillow import stored
from artfp.results import Record
from artfp.seeds import derive_seed
from artfp.statistics.exact import Ints

TRAIN, VALIDATION, TEST = "train", "validation", "test"
ENDS = ((TRAIN, 70), (VALIDATION, 85), (TEST, 100))  # of the parts, in hundredths
UNKNOWN = "unknown"  # what an open-set verdict calls the images of no class, so that no class may
MIN_SIDE = 16

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ClassSource:
    """A class's images, or some of them: a class may have several sources."""

    name: str
    path: Path
    every: int = 1  # one in so many of its images is taken


@dataclass(frozen=True)
class Preparation(Record):
    """What every image goes through before it is learnt or judged; of no class another than of the others."""

    size: int  # of the square that it must be, or become
    resize: bool = False  # whether images of other sizes are resized; else they are refused
    jpeg: int | None = None  # stored as JPEG of this quality, once it has its size: the last that happens to each

    def __call__(self, pixels: Pixels, name: str) -> Pixels:
        """The image as systems see it."""
        square = self._square(pixels, name)
        return square if self.jpeg is None else np.asarray(stored(Image.fromarray(square), "JPEG", self.jpeg))

    def _square(self, pixels: Pixels, name: str) -> Pixels:
        height, width = pixels.shape[:2]
        if (height, width) == (self.size, self.size):
            return pixels
        if height != width:
            raise BadInputError(f"{name}: {width} x {height} pixels; passive systems take squares: crop the image")
        if not self.resize:
            told = f"{name}: {width} x {height} pixels where the others have {self.size}"
            raise BadInputError(f"{told}; give images of one size, or have all resized with --size")
        small: Pixels = to_pixels(resize(to_tensor(pixels), (self.size, self.size)).clamp(0, 1))[0]
        return small


@dataclass(frozen=True, eq=False)
class Examples:
    """Images with their classes."""

    pixels: Pixels  # N x size x size x 3
    labels: Ints  # places in the sorted names
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, indices: Ints, device: str) -> tuple[Tensor, Tensor]:
        """Images of the convention and their labels."""
        return to_tensor(self.pixels[indices]).to(device), torch.from_numpy(self.labels[indices]).to(device)

    def batches(self, count: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
        """All of them in their order, so many at a time."""
        for start in range(0, len(self), count):
            yield self.batch(np.arange(start, min(start + count, len(self))), device)

    def of_class(self, label: int) -> Pixels:
        """The images of one class."""
        return self.pixels[self.labels == label]


@dataclass(frozen=True, eq=False)
class Lessons:
    """All that a system may see before it is tested."""

    classes: tuple[str, ...]  # sorted
    train: Examples
    validation: Examples

    @property
    def size(self) -> int:
        """The side of the images."""
        return self.train.pixels.shape[1]


@dataclass(frozen=True)
class Listed:
    """An image that has not been read."""

    label: int
    source: Source
    index: int
    name: str  # for messages: where it is
    part: str  # whether it trains, chooses or tests

    def read(self) -> bytes:
        """Its file."""
        return self.source.read_at(self.index)


class Gathering:
    """The images of all classes, in one order, with their parts; none is decoded."""

    def __init__(self, sources: Sequence[tuple[ClassSource, Source]]) -> None:
        self.classes = tuple(sorted({given.name for given, _ in sources}))
        self.sources = sources
        self.images = tuple(
            Listed(self.classes.index(given.name), source, entry.index, source.place(entry.index), part_of(entry.name))
            for given, source in sources
            for entry in islice(source, 0, None, given.every)
        )

    def count(self, *parts: str) -> dict[str, int]:
        """How many images of each class are in some of the parts; without any named, in all."""
        found = Counter(image.label for image in self.images if not parts or image.part in parts)
        return {name: found[label] for label, name in enumerate(self.classes)}

    def identity(self) -> dict[str, str]:
        """A hash for each class, of the names and sizes of its images."""
        hashes: dict[str, list[str]] = {name: [] for name in self.classes}
        for given, source in self.sources:
            hashes[given.name].append(source.sha256 if given.every == 1 else f"{source.sha256}/{given.every}")
        return {name: sha256_bytes(" ".join(sorted(each)).encode()) for name, each in hashes.items()}

    def origins(self) -> dict[str, str]:
        """The hash of each collection of images by itself."""
        counted = enumerate(self.sources, start=1)
        return {f"images {number}, of {given.name}": source.sha256 for number, (given, source) in counted}

    def formats(self) -> dict[str, set[str]]:
        """The formats of the files of each class, as the files say themselves."""
        found: dict[str, set[str]] = {name: set() for name in self.classes}
        for image in self.images:
            found[self.classes[image.label]].add(file_format(image.read(), image.name))
        return found

    def preparation(self, size: int | None, jpeg: int | None) -> Preparation:
        """With no size given, that of the first image, which then all must have."""
        if size is not None:
            return Preparation(size, True, jpeg)
        first = self.images[0]
        height, width = load_image(first.read(), first.name).size
        if height != width or height < MIN_SIDE:
            raise UsageError(f"{first.name}: {width} x {height} pixels; needed are squares from {MIN_SIDE} pixels on")
        return Preparation(height, False, jpeg)

    def examples(self, preparation: Preparation, scratch: Path, tell: OnProgress, *parts: str) -> Examples:
        """The decoded images of some parts; without any named, of all. Beyond a limit they lie in a nameless file."""
        chosen = [image for image in self.images if not parts or image.part in parts]

        def load(index: int) -> LoadedImage:
            return load_image(chosen[index].read(), chosen[index].name)

        def fit(index: int, pixels: Pixels) -> Pixels:
            return preparation(pixels, chosen[index].name)

        pixels = decode_each(len(chosen), load, fit, preparation.size, scratch, tell)
        labels = np.array([image.label for image in chosen], np.int64)
        return Examples(pixels, labels, tuple(image.name for image in chosen))

    def lessons(self, preparation: Preparation, scratch: Path, tell: OnProgress) -> Lessons:
        """What may be learnt from."""
        train, validation = (self.examples(preparation, scratch, tell, part) for part in (TRAIN, VALIDATION))
        return Lessons(self.classes, train, validation)


@contextmanager
def gathered(sources: Iterable[ClassSource]) -> Iterator[Gathering]:
    """The classes, opened; sorted by name, and the sources of one by path."""
    ordered = sorted(sources, key=lambda each: (each.name, str(each.path)))
    with ExitStack() as stack:
        gathering = Gathering([(each, stack.enter_context(open_source(each.path))) for each in ordered])
        empty = [name for name, count in gathering.count().items() if not count]
        if empty:
            raise UsageError(f"class {empty[0]}: holds no images")
        yield gathering


def class_sources(specs: Iterable[str]) -> list[ClassSource]:
    """NAME=PATH is one class, or one more source of it; a folder without a name holds a folder for each class."""
    found = [source for spec in specs for source in _sources_of(spec)]
    for source in found:
        if not source.name.isprintable() or source.name != source.name.strip() or source.name in ("", UNKNOWN):
            raise UsageError(f"{source.name!r}: no name for a class")
    twice = [path for path, count in Counter(source.path.resolve() for source in found).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]}: is given twice")
    return found


def _sources_of(spec: str) -> list[ClassSource]:
    name, equals, path = spec.partition("=")
    if equals and not Path(spec).is_dir():
        return [ClassSource(name, Path(path))]
    folders = sorted(each for each in Path(spec).glob("*") if each.is_dir() and not each.name.startswith("."))
    if not folders:
        raise UsageError(f"{spec}: neither NAME=FOLDER_OR_ZIP nor a folder with a folder for each class")
    return [ClassSource(folder.name, folder) for folder in folders]


def part_of(name: str) -> str:
    """Whether the image of this name trains, chooses or tests."""
    place = derive_seed("passive-part", PurePosixPath(name).stem) % 100
    return next(part for part, end in ENDS if place < end)


def check_formats(formats: Mapping[str, set[str]]) -> None:
    """Refuse files of several formats: a system learns to tell formats, which is easier than to tell generators."""
    if len(set().union(*formats.values())) > 1:
        told = "; ".join(f"{name}: {', '.join(sorted(kinds))}" for name, kinds in formats.items())
        raise UsageError(
            f"the files are of different formats ({told}), which systems would tell apart instead of what made the "
            "images; store all images alike, or have it done with --jpeg QUALITY"
        )


def check_counts(gathering: Gathering, *parts: str) -> None:
    """Refuse a class of which a part that is needed has no image."""
    for part in parts:
        missing = [name for name, count in gathering.count(part).items() if not count]
        if missing:
            total = gathering.count()[missing[0]]
            raise UsageError(
                f"class {missing[0]}: none of its {total:,} images is for {part} (70 % train, 15 % choose, 15 % test, "
                "by their names); give more images, with different names"
            )
