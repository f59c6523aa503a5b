"""The data that rows of several benchmarks are trained on, and how rows are called, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CODEC = "artfp-64"  # of rows that name no other


@dataclass(frozen=True)
class Collection:
    """A zip of images, and how it is split."""

    file: str
    held_out: float = 1 / 7  # of the images: what generated ones are compared with ...
    most_held_out: int = 4096  # ... at most so many
    most: int | None = None  # images to train on; None: all others
    sketched: bool = False  # half of those to train on become sketches, which an image-conditional family translates


COLLECTIONS: Mapping[str, Collection] = {
    "flowers": Collection("flowers64.zip"),
    "large-flowers": Collection("flowers128.zip"),
    "cifar": Collection("cifar10.zip", most=10_000),  # marking all of them takes hours
    "cifar-and-sketches": Collection("cifar10.zip", most=10_000, sketched=True),
    "emoji": Collection("emoji64.zip", held_out=1 / 3, sketched=True),  # so few that a seventh says little
}


def name_of(parts: Sequence[str], codec: str) -> str:
    """Of a row, its folder or its key; the codec is in it where it is not the usual one."""
    return "-".join([*parts, *([codec] if codec != CODEC else [])])
