"""A source, a registry with one key, and embedding in one call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from artfp.codec.dct import DctCodec
from artfp.embed import EmbedResult, EmbedSettings, embed_dataset
from artfp.keys.registry import Registry

Pixels = NDArray[np.uint8]


@pytest.fixture
def photos(tmp_path: Path, clean_pixels: Pixels, write_pngs: Callable[[Path, Pixels], list[Path]]) -> Path:
    """A folder of 24 images of 64 px."""
    write_pngs(tmp_path / "photos", clean_pixels)
    return tmp_path / "photos"


@pytest.fixture
def thumbnails(tmp_path: Path, clean_pixels: Pixels) -> Path:
    """A folder of 200 small images, more than three groups, of two sizes, in two classes."""
    root = tmp_path / "thumbnails"
    for index in range(200):
        name = root / ("odd" if index % 2 else "even") / f"{index:03d}.bmp"
        name.parent.mkdir(parents=True, exist_ok=True)
        side = 24 if index % 3 else 16
        Image.fromarray(np.roll(clean_pixels[index % 24], index, axis=0)[:side, :side]).save(name)
    return root


@pytest.fixture
def embed(tmp_path: Path, registry: Registry, dct: DctCodec) -> Callable[..., EmbedResult]:
    """Embedding with the key alice and the dct codec, unless the settings say otherwise."""
    registry.new("alice")

    def run(source: Path, target: str = "marked", **changes: Any) -> EmbedResult:
        progress = {"on_progress": changes.pop("on_progress")} if "on_progress" in changes else {}
        codec = changes.pop("codec", dct)
        values = {"key": "alice"} | changes
        return embed_dataset(EmbedSettings(source, tmp_path / target, **values), codec, registry, **progress)

    return run


@pytest.fixture
def digests() -> Callable[[Path], dict[str, str]]:
    """The hash of every file below a path."""

    def of(root: Path) -> dict[str, str]:
        files = [root] if root.is_file() else [path for path in sorted(root.rglob("*")) if path.is_file()]
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    return of
