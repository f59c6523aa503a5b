"""What Pillow alone takes for the same files, in as many processes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image

PART = 64  # files that a process takes at a time


def decoded_and_encoded(source: Path, target: Path, pool: ProcessPoolExecutor) -> None:
    """Every file of a folder read, and written as PNG at the fastest compression."""
    target.mkdir(parents=True)
    list(pool.map(functools.partial(_copy, target), _parts(source)))


def decoded(source: Path, pool: ProcessPoolExecutor) -> None:
    """Every file of a folder read."""
    list(pool.map(_read, _parts(source)))


def _parts(source: Path) -> list[list[Path]]:
    files = sorted(source.rglob("*.png"))
    return [files[start : start + PART] for start in range(0, len(files), PART)]


def _read(files: Sequence[Path]) -> None:
    for file in files:
        with Image.open(file) as image:
            image.convert("RGB")


def _copy(target: Path, files: Sequence[Path]) -> None:
    for file in files:
        with Image.open(file) as image:
            image.convert("RGB").save(target / file.name, "PNG", compress_level=1)
