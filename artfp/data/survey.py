"""A look at a few images of a source before anything expensive: their sizes, and what they will weigh on the disk."""

from __future__ import annotations

import contextlib
import shutil
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from artfp.data.manifest import SizeCount
from artfp.data.readers import Source, open_source
from artfp.errors import BadInputError, UsageError
from artfp.images import encode_png, load_image

SAMPLE = 8
BLOCK = 4096  # what a file takes at least on common file systems
MARGIN = 1.25  # marking adds detail, tables add bytes, and eight images are few


@dataclass(frozen=True)
class Survey:
    """Sizes and the mean bytes of a file in the sample."""

    sizes: tuple[SizeCount, ...]
    mean_bytes: float

    def needed_bytes(self, to_write: int, to_pack: int) -> int:
        """What writing some images takes, and packing some (a zip is made while its parts still lie beside it)."""
        return round((to_write + to_pack) * self.mean_bytes * MARGIN)


def survey(source: Source) -> Survey:
    """Decode evenly spaced images; the unreadable among them are left to the run itself."""
    sizes: Counter[tuple[int, int]] = Counter()
    weights = []
    for index in evenly_spaced(len(source), SAMPLE):
        try:
            image = load_image(source.read_at(index), source[index].name)
        except BadInputError:
            continue
        height, width = image.size
        sizes[width, height] += 1
        weights.append(-(-len(encode_png(image)) // BLOCK) * BLOCK)
    counts = tuple(SizeCount(*size, number) for size, number in sizes.most_common())
    return Survey(counts, sum(weights) / len(weights) if weights else 0.0)


def typical_side(path: Path) -> int | None:
    """The median shorter side of a sample of a folder or zip; None where nothing can be read."""
    sides = []
    try:
        with open_source(path) as source:
            for index in evenly_spaced(len(source), SAMPLE):
                with contextlib.suppress(BadInputError):
                    sides.append(min(load_image(source.read_at(index), source[index].name).size))
    except (BadInputError, UsageError):
        return None
    return int(statistics.median_low(sides)) if sides else None


def evenly_spaced(count: int, wanted: int) -> list[int]:
    """Up to `wanted` indices below `count`, spread over all of it."""
    wanted = min(count, wanted)
    return [step * count // wanted for step in range(wanted)]


def free_bytes(folder: Path) -> int:
    """What is left on the disk of a folder."""
    return shutil.disk_usage(folder).free
