"""Every row of the table, as data."""

from __future__ import annotations

from dataclasses import dataclass

from artfp.results import Record
from benchmarks.measuring.data import CODEC, name_of

PSNR = 36.5  # of the marked images, dB
QUIET = 38.0  # where generators learn marks easily (benchmarks/curves)
LOUD = 34.0  # for what is altered after
SAMPLES = 1024  # generated and read


@dataclass(frozen=True)
class Row(Record):
    """All that determines a row, but the key; sides and budgets are the recipe's."""

    recipe: str
    data: str
    seed: int = 0  # of the training and of the samples
    psnr: float = PSNR
    codec: str = CODEC
    samples: int = SAMPLES

    @property
    def name(self) -> str:
        """Of its JSON file and its folder."""
        return name_of([self.recipe, self.data, f"{self.psnr:g}db", f"seed{self.seed}"], self.codec)

    def marked(self, side: int) -> str:
        """Of its data's folder and key: one for all rows that train on the same files."""
        return name_of([self.data, f"{side}px", f"{self.psnr:g}db"], self.codec)


ROWS: tuple[Row, ...] = (
    *(Row("dcgan-cpu", "flowers", seed, QUIET) for seed in (0, 1, 2)),
    Row("dcgan-cpu", "flowers", psnr=LOUD),
    Row("dcgan-128-cpu", "large-flowers", psnr=QUIET, codec="artfp-128"),
    Row("progan-cpu", "cifar", psnr=QUIET),
    Row("stylegan2-cpu", "flowers"),
    *(Row("r3gan-cpu", "cifar", seed, QUIET) for seed in (0, 1, 2)),
    Row("biggan-cpu", "cifar", psnr=QUIET),
    Row("cut-cpu", "cifar-and-sketches", psnr=QUIET),
    Row("cut-cpu", "emoji"),
    Row("diffusion-cpu", "cifar", psnr=QUIET),
)
