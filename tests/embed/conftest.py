"""A source, and embedding in one call with a registry of one key; whole or by shares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from artfp.codec.dct import DctCodec
from artfp.data import writers
from artfp.embed import EmbedResult, EmbedSettings, Share, ShareResult, embed_dataset, embed_share, request
from artfp.keys.registry import Registry

Pixels = NDArray[np.uint8]


@pytest.fixture
def photos(tmp_path: Path, clean_pixels: Pixels, write_pngs: Callable[[Path, Pixels], list[Path]]) -> Path:
    """A folder of 24 images of 64 px."""
    write_pngs(tmp_path / "photos", clean_pixels)
    return tmp_path / "photos"


@pytest.fixture
def embed(tmp_path: Path, registry: Registry, dct: DctCodec) -> Callable[..., EmbedResult]:
    """Embedding with the key alice and the dct codec, unless the settings say otherwise."""
    registry.new("alice")

    def run(source: Path, target: str = "marked", **changes: Any) -> EmbedResult:
        options = {name: changes.pop(name) for name in ("on_progress", "engine") if name in changes}
        codec = changes.pop("codec", dct)
        values = {"key": "alice"} | changes
        return embed_dataset(EmbedSettings(source, tmp_path / target, **values), codec, registry, **options)

    return run


@pytest.fixture
def embed_part(tmp_path: Path, embed: Callable[..., EmbedResult]) -> Callable[..., EmbedResult | ShareResult]:
    """Embedding one share into the same target, as a run with a registry of its own."""

    def run(source: Path, index: int, count: int, target: str = "marked", **changes: Any) -> EmbedResult | ShareResult:
        options = {name: changes.pop(name) for name in ("on_progress", "engine") if name in changes}
        settings = EmbedSettings(source, tmp_path / target, **({"key": "alice"} | changes))
        with Registry(tmp_path / "registry" / "keys.sqlite") as registry:
            return embed_share(settings, DctCodec(), registry, Share(index, count), **options)

    return run


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of one group: the thumbnails are four."""
    monkeypatch.setattr(writers, "SHARD", 1)
    monkeypatch.setattr(request, "SHARD", 1)
