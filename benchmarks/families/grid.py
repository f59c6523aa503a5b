"""Every row of the table, and the data that they are trained on, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from artfp.results import Record

PSNR = 36.5  # of the marked images, dB
QUIET = 38.0  # where generators learn marks easily (benchmarks/curves)
SAMPLES = 1024  # generated and read


@dataclass(frozen=True)
class Collection:
    """A zip of images, and how it is split."""

    file: str
    held_out: float = 1 / 7  # of the images: what generated ones are compared with ...
    most_held_out: int = 4096  # ... at most so many
    most: int | None = None  # images to train on; None: all others
    sketched: bool = False  # half of those to train on become sketches, which an image-conditional family translates


@dataclass(frozen=True)
class Row(Record):
    """All that determines a row, but the key; sides and budgets are the recipe's."""

    recipe: str
    data: str
    seed: int = 0  # of the training and of the samples
    psnr: float = PSNR
    codec: str = "artfp-64"
    samples: int = SAMPLES

    @property
    def name(self) -> str:
        """Of its JSON file and its folder."""
        parts = [self.recipe, self.data, f"{self.psnr:g}db", f"seed{self.seed}"]
        return "-".join([*parts, *([self.codec] if self.codec != Row.codec else [])])

    def marked(self, side: int) -> str:
        """Of its data's folder and key: one for all rows that train on the same files."""
        parts = [self.data, f"{side}px", f"{self.psnr:g}db"]
        return "-".join([*parts, *([self.codec] if self.codec != Row.codec else [])])


COLLECTIONS: Mapping[str, Collection] = {
    "flowers": Collection("flowers64.zip"),
    "cifar": Collection("cifar10.zip", most=10_000),  # marking all of them takes hours
    "cifar-and-sketches": Collection("cifar10.zip", most=10_000, sketched=True),
    "emoji": Collection("emoji64.zip", held_out=1 / 3, sketched=True),  # so few that a seventh says little
}

ROWS: tuple[Row, ...] = (
    *(Row("dcgan-cpu", "flowers", seed, QUIET) for seed in (0, 1, 2)),
    Row("progan-cpu", "cifar", psnr=QUIET),
    Row("stylegan2-cpu", "flowers"),
    *(Row("r3gan-cpu", "cifar", seed, QUIET) for seed in (0, 1, 2)),
    Row("biggan-cpu", "cifar", psnr=QUIET),
    Row("cut-cpu", "cifar-and-sketches", psnr=QUIET),
    Row("cut-cpu", "emoji"),
    Row("diffusion-cpu", "cifar", psnr=QUIET),
)
