"""What grows with the number of images or keys, and should not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.keys import difference
from benchmarks.memory import peak_of
from benchmarks.speed.figures import Figure

FEW_IMAGES, MANY_IMAGES = 10_000, 1_000_000
KEYS = 1_000_000
SIDE, CODEC = 32, "dct"
FLAT = 1.05
SECONDS = 1.0


def memory(folder: Path, many: int = MANY_IMAGES) -> Figure:
    """The peak of `embed-dataset` on a hundred times as many images."""
    peaks = []
    for images in (FEW_IMAGES, many):
        with tempfile.TemporaryDirectory(dir=folder) as name:
            peaks.append(peak_of(Path(name), images, SIDE, CODEC)["peak_pss_mb"])
    details = {"MB": peaks, "images": [FEW_IMAGES, many]}
    what = f"memory of embed-dataset, {many:,} images"
    return Figure("memory", what, f"{FEW_IMAGES:,} images", peaks[1] / peaks[0], FLAT, at_least=False, details=details)


def keys() -> Figure:
    """One folder against a million keys."""
    found = difference(KEYS, 256)
    what = f"one folder against {KEYS:,} keys, longer by"
    return Figure("keys", what, "one key", found["difference"], SECONDS, at_least=False, unit=" s", details=found)
