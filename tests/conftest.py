"""Fixtures that several parts of the suite share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.images import LoadedImage, encode_png, to_pixels, to_tensor
from artfp.keys.registry import Registry
from artfp.seeds import numpy_generator

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def dct() -> DctCodec:
    """The codec that needs no training."""
    return DctCodec()


@pytest.fixture(scope="session")
def clean_pixels() -> Pixels:
    """Unmarked procedural images of the dct codec's size."""
    return np.stack(list(generate("photo-like", 24, 64, seed=12)))


@pytest.fixture
def registry_path(tmp_path: Path) -> Path:
    """Where this test's registry is, or will be."""
    return tmp_path / "registry" / "keys.sqlite"


@pytest.fixture
def fixed_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same keys in every run: a verdict that holds with a chance of 999 in 1,000 then always holds, or never."""
    monkeypatch.setattr("artfp.keys.registry.secrets.token_bytes", numpy_generator("test-secrets").bytes)


@pytest.fixture
def registry(registry_path: Path, fixed_secrets: None) -> Iterator[Registry]:
    """An open, empty registry."""
    with Registry(registry_path) as opened:
        yield opened


@pytest.fixture
def mark(dct: DctCodec, registry: Registry) -> Callable[[Pixels, str], Pixels]:
    """Marks pixels with a key, which is made and recorded with the dct codec if it is new."""

    def marked(pixels: Pixels, name: str) -> Pixels:
        if name not in registry.names():
            registry.new(name)
        bits = torch.from_numpy(registry.pair(name, dct.facts()).bits.copy())
        return to_pixels(dct.embed(to_tensor(pixels), bits))

    return marked


@pytest.fixture
def write_pngs() -> Callable[[Path, Pixels], list[Path]]:
    """Writes pixels as 000.png, 001.png ... into a folder."""

    def write(folder: Path, pixels: Pixels) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{index:03d}.png" for index in range(len(pixels))]
        for path, image in zip(paths, pixels, strict=True):
            path.write_bytes(encode_png(LoadedImage(image)))
        return paths

    return write
