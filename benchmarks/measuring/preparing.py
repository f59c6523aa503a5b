"""The data of rows: split, sketched and marked once for all rows that train on the same files.

SCRATCH/flowers-64px-36.5db/   train.zip   held-out.zip   strength.json   marked.zip
SCRATCH/emoji-32px-36.5db/     the same, and sketches.zip   held-out-sketches.zip

What a generator translates for the measurements are sketches of the very images it is compared with, which brings it
nearer to them than other images would lie, and its twin as much; the intervals leave out both of a pair together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from artfp.codec.base import Codec
from artfp.data.labels import Labels
from artfp.data.listing import LABEL_FILE
from artfp.data.readers import open_source
from artfp.data.writers import image_name
from artfp.errors import UsageError
from artfp.files import working_alone
from artfp.keys.registry import Registry
from artfp.seeds import numpy_generator
from benchmarks.measuring.data import Collection
from benchmarks.measuring.images import Pixels, at_side, pack, png
from benchmarks.measuring.marking import Marks, mark
from benchmarks.measuring.progress import Tell
from benchmarks.measuring.sketches import sketch

WAIT = 5.0  # seconds between two tries of a lock
LAST = "train.zip"  # of the files of a split: when it is there, so are the others


@dataclass(frozen=True)
class Prepared:
    """Where the data of a row lie."""

    folder: Path
    embedding: dict[str, Any]

    @property
    def clean(self) -> Path:
        """Unmarked images to train on."""
        return self.folder / LAST

    @property
    def marked(self) -> Path:
        """The same images, marked."""
        return self.folder / "marked.zip"

    @property
    def held_out(self) -> Path:
        """Images that no generator sees."""
        return self.folder / "held-out.zip"

    @property
    def sketches(self) -> Path | None:
        """Of images that are not trained on themselves; None for data without."""
        return _if_there(self.folder / "sketches.zip")

    @property
    def held_out_sketches(self) -> Path | None:
        """Of the held-out images."""
        return _if_there(self.folder / "held-out-sketches.zip")


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def prepare(
    data: Path,
    name: str,
    collection: Collection,
    marks: Marks,
    scratch: Path,
    codec: Codec,
    registry: Registry,
    tell: Tell,
) -> Prepared:
    """Split and mark, or find what an earlier run left; waits for another process that is at it."""
    folder = scratch / marks.key
    folder.mkdir(parents=True, exist_ok=True)
    with in_turn(folder, tell):
        if not (folder / LAST).exists():
            split(data, name, collection, marks.side, folder, tell)
        if marks.key not in registry.names():
            registry.new(marks.key)
        return Prepared(folder, mark(marks, folder / LAST, folder, codec, registry, tell))


@contextmanager
def in_turn(folder: Path, tell: Tell) -> Iterator[None]:
    """Lock a folder as soon as no other process has it."""
    with ExitStack() as stack:
        while not _locked(stack, folder):
            tell(0, 1, f"waiting for another process to be done with {folder}")
            time.sleep(WAIT)
        yield


def _locked(stack: ExitStack, folder: Path) -> bool:
    try:
        stack.enter_context(working_alone(folder))
    except UsageError:
        return False
    return True


def split(data: Path, name: str, collection: Collection, side: int, folder: Path, tell: Tell) -> None:
    """Write the images to train on and the held-out ones, in random order, and sketches where there are to be."""
    pixels = at_side(data, side, tell)
    with open_source(data) as source:
        labels = source.labels
    held_out, training, sketched = parts_of(len(pixels), name, collection)

    def write(file: str, indices: Sequence[int], drawn: Callable[[Pixels], Pixels] | None = None) -> None:
        images = ((image_name(i), png(drawn(pixels[at]) if drawn else pixels[at])) for i, at in enumerate(indices))
        pack(folder / file, [*images, (LABEL_FILE, _labels(labels, indices))])

    write("held-out.zip", held_out)
    if collection.sketched:
        write("sketches.zip", sketched, sketch)
        write("held-out-sketches.zip", held_out, sketch)
    write(LAST, training)


def parts_of(available: int, name: str, collection: Collection) -> tuple[list[int], list[int], list[int]]:
    """Indices of held-out images, of those to train on and of those to sketch; the same for every row of the data."""
    order = numpy_generator("families-split", name).permutation(available).tolist()
    first = min(round(collection.held_out * available), collection.most_held_out)
    held_out, others = order[:first], order[first:][: collection.most]
    half = len(others) // 2 if collection.sketched else len(others)
    return held_out, others[:half], others[half:]


def _labels(labels: Labels, indices: Sequence[int]) -> bytes:
    """StyleGAN's `dataset.json`: the classes of these images, or none unless all have one."""
    found = [labels.label(index) for index in indices]
    whole = all(label is not None for label in found)
    document: dict[str, Any] = {"classes": list(labels.classes)} if labels.classes is not None else {}
    document["labels"] = [[image_name(i), label] for i, label in enumerate(found)] if whole else None
    return json.dumps(document).encode()


def first_images(path: Path, side: int, count: int, tell: Tell) -> Pixels:
    """So many images of a split at most: they lie in random order, so the first are any."""
    return np.ascontiguousarray(at_side(path, side, tell)[:count])
