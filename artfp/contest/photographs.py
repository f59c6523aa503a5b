"""Photographs of one history: squares cut out of larger ones and made small, whatever files they came as.

A JPEG file of the very size that is shown tells photographs from generated images by its grid alone (LAB: AUC 1.000).
So squares of lossy files are made smaller at least SMALLER times, which takes the grid away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from artfp.contest.settings import Images
from artfp.data.labels import Label
from artfp.data.readers import Source
from artfp.data.survey import evenly_spaced
from artfp.data.writers import image_name
from artfp.errors import UsageError
from artfp.images import file_format, load_image
from artfp.passive.classes import Pixels, Preparation, part_of
from artfp.seeds import numpy_generator

LOSSY = ("JPEG", "WEBP")
SMALLER = 2
LEAST = 0.7  # of the shorter side is the side of a square


@dataclass(frozen=True, eq=False)
class Photograph:
    """A square, and its number: which part it belongs to follows from that (`passive/classes.py`)."""

    number: int
    pixels: Pixels
    label: Label | None


def photographs(source: Source, images: Images, size: int, seed: int) -> Iterator[Photograph]:
    """Several squares of each of as many photographs as give the count; those of one belong to one part."""
    numbers = {part: _of_part(part) for part in {part_of(str(n)) for n in range(1000)}}
    for place in evenly_spaced(len(source), -(-images.count // images.crops)):
        entry, file = source[place], source.read_at(place)
        whole, lossy = load_image(file, entry.name).rgb, file_format(file, entry.name) in LOSSY
        random, free = numpy_generator("contest-squares", seed, place), numbers[part_of(str(place))]
        for _ in range(images.crops):
            square = _square(whole, size * SMALLER if lossy else size, random, entry.name)
            yield Photograph(next(free), Preparation(size, resize=True)(square, entry.name), entry.label)


def _of_part(part: str) -> Iterator[int]:
    """The numbers of images that are in a part."""
    return (number for number in count() if part_of(image_name(number)) == part)


def _square(whole: Pixels, least: int, random: np.random.Generator, name: str) -> Pixels:
    """Any square of at least this side."""
    height, width = whole.shape[:2]
    shorter = min(height, width)
    if shorter < least:
        raise UsageError(
            f"{name}: {width} x {height} pixels; needed are {least} of a side, so that no trace of the format is left"
        )
    side = int(random.integers(max(least, round(LEAST * shorter)), shorter, endpoint=True))
    top, left = (int(random.integers(0, length - side, endpoint=True)) for length in (height, width))
    return whole[top : top + side, left : left + side]
