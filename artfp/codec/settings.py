"""The settings of a codec's training; no torch, so that a plan costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from artfp.recipe import MOST_BITS, setting

PARTS = 4  # of a batch; the first stays untouched, so that clean files are never traded for attacked ones
SHARED = 4  # images of a batch that share a key, and of whose marks a generator would learn the mean


@dataclass(frozen=True)
class CodecRecipe:
    """Everything that determines a trained codec."""

    name: str = setting()
    seed: int = setting(0, low=0)
    bits: int = setting(64, low=8, high=MOST_BITS)
    size: int = setting(64, choices=(32, 64, 128))
    at: int | None = setting(None, choices=(32, 64, 128, 256))  # side of the training images; none: the codec's size
    width: int = setting(96, low=8, high=512)
    depth: int = setting(2, low=1, high=8)
    psnr: float = setting(36.5, low=20, high=60)
    start_psnr: float = setting(24.0, low=6, high=60)
    steps: int = setting(4000, low=1)
    batch: int = setting(48, low=PARTS * SHARED, high=4096, multiple=PARTS * SHARED)
    learning_rate: float = setting(1e-3, low=1e-7, high=1)
    noise: tuple[str, ...] = setting(("jpeg", "jpeg", "resize", "blur", "noise", "color", "realigned"), choices=None)
    worst_of: int = setting(2, low=1, high=8)
    patience: int = setting(400, low=1)
    images: int = setting(10_000, low=16)
    data: Path | None = setting(None)
    start: str | None = setting(None)  # the codec to go on from; None begins with random weights
    private: bool = setting(False)  # marks that `start` cannot read, nor a line through what it reads
    checkpoint_every: int = setting(250, low=1)
    log_every: int = setting(25, low=1)

    @property
    def side(self) -> int:
        """Of the training images: the codec works at its own size, and marks and reads them as it does any image."""
        return self.at or self.size
