"""Painted PNG files to work on: a few different ones, and links to them; and the same marked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from artfp.codec.base import Codec
from artfp.data.procedural import generate
from artfp.embed import EmbedSettings, Engine, embed_dataset
from artfp.embed.dataset import IN_PROCESS
from artfp.keys.registry import Registry

DISTINCT = 61  # a prime: a sample that is evenly spaced, as the self-check's, sees all of them
KEY = "bench"


def painted(folder: Path, count: int, size: int) -> Path:
    """A folder of so many images of one size, made if it is not there."""
    target = folder / f"{size}px-{count}"
    if target.is_dir():
        return target
    originals = folder / f"{size}px"
    if not originals.is_dir():
        originals.mkdir(parents=True)
        for index, pixels in enumerate(generate("photo-like", DISTINCT, size, seed=1)):
            Image.fromarray(pixels).save(originals / f"{index:03d}.png")
    target.mkdir()
    for index in range(count):
        os.link(originals / f"{index % DISTINCT:03d}.png", target / f"{index:07d}.png")
    return target


def mark(source: Path, target: Path, codec: Codec, engine: Engine = IN_PROCESS, strength: float = 1.0) -> Path:
    """Marked as the command does, with one key for all that lies in the target's folder."""
    with keys_in(target.parent) as registry:
        embed_dataset(EmbedSettings(source, target, KEY, strength), codec, registry, engine=engine)
    return target


@contextmanager
def keys_in(folder: Path) -> Iterator[Registry]:
    """The registry of a folder, and in it the key of everything."""
    with Registry(folder / "keys.sqlite") as registry:
        if KEY not in registry.names():
            registry.new(KEY)
        yield registry
