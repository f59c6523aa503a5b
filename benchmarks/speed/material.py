"""Painted PNG files to work on: a few different ones, and links to them."""

from __future__ import annotations

import os
from pathlib import Path

from artfp.data.procedural import generate
from artfp.images import LoadedImage, encode_png

DISTINCT = 64


def painted(folder: Path, count: int, size: int) -> Path:
    """A folder of so many images of one size, made if it is not there."""
    target = folder / f"{size}px-{count}"
    if target.is_dir():
        return target
    originals = folder / f"{size}px"
    if not originals.is_dir():
        originals.mkdir(parents=True)
        for index, pixels in enumerate(generate("photo-like", DISTINCT, size, seed=1)):
            (originals / f"{index:03d}.png").write_bytes(encode_png(LoadedImage(pixels)))
    target.mkdir()
    for index in range(count):
        os.link(originals / f"{index % DISTINCT:03d}.png", target / f"{index:07d}.png")
    return target
