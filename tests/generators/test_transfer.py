"""The transfer monitor, on images whose marks are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from artfp.codec.dct import DctCodec
from artfp.data.manifest import FORMAT, MANIFEST
from artfp.errors import UsageError
from artfp.generators.transfer import Monitor, monitor_for
from artfp.images import to_tensor
from artfp.keys.registry import Registry
from artfp.statistics.exact import matches_needed

Pixels = NDArray[np.uint8]
Mark = Callable[[Pixels, str], Pixels]


def write_manifest(folder: Path, codec: DctCodec, key_ids: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    keys = [{"key_id": key_id, "class_name": None, "images": 3} for key_id in key_ids]
    content = {"format": FORMAT, "codec": codec.name, "codec_sha256": codec.sha256, "keys": keys}
    (folder / MANIFEST).write_text(json.dumps(content))


@pytest.fixture
def watched(dct: DctCodec, registry: Registry, mark: Mark, clean_pixels: Pixels, tmp_path: Path) -> Path:
    """A dataset's manifest, of a key that has been used."""
    mark(clean_pixels[:1], "publisher")
    write_manifest(tmp_path / "data", dct, [registry.get("publisher").key_id])
    return tmp_path / "data"


def test_a_generator_that_emits_marked_images_is_seen(
    dct: DctCodec, registry: Registry, mark: Mark, clean_pixels: Pixels, watched: Path
) -> None:
    marked = mark(clean_pixels, "publisher")
    found = monitor_for(watched, registry, None, None).look([marked[:10], marked[10:]])
    bits = registry.pair("publisher", dct.facts()).bits
    right = (dct.soft_bits(to_tensor(marked)).numpy() > 0) == (bits == 1)
    assert (found.images, found.total_bits) == (24, 24 * 64)
    assert found.matching_bits == right.sum()
    assert found.matching_images == (right.sum(1) >= matches_needed(64, 1e-3)).sum()
    assert found.bit_accuracy > 0.9
    assert found.p < 1e-12
    assert found.log10_p == pytest.approx(np.log10(found.p))
    assert "bits 0.9" in str(found)


def test_a_generator_that_knows_nothing_is_not(clean_pixels: Pixels, registry: Registry, watched: Path) -> None:
    """The key is drawn anew in every run: fails by luck with a chance of 1e-3."""
    found = monitor_for(watched, registry, None, None).look([clean_pixels])
    assert found.p > 1e-3


def test_p_is_uniform_or_conservative_over_keys(dct: DctCodec, clean_pixels: Pixels) -> None:
    """400 random keys on one clean folder; 0.1 is exceeded in expectation 40 times, over 64 by luck with 1e-4."""
    keys = np.random.default_rng(8).integers(0, 2, (400, 64), np.uint8)
    low = sum(Monitor(dct, key, "").look([clean_pixels]).p <= 0.1 for key in keys)
    assert low <= 64


def test_nothing_shows_the_bits(dct: DctCodec) -> None:
    bits = np.random.default_rng(2).integers(0, 2, 64, np.uint8)
    shown = repr(Monitor(dct, bits, "0123456789abcdef"))
    assert shown == "Monitor(codec='dct', key_id='0123456789abcdef')"


def test_the_key_can_be_named_without_a_manifest(registry: Registry, mark: Mark, clean_pixels: Pixels) -> None:
    mark(clean_pixels[:1], "publisher")
    monitor = monitor_for(Path("elsewhere"), registry, "publisher", "dct")
    assert monitor.identity() == {
        "codec_sha256": DctCodec().sha256,
        "key_id": registry.get("publisher").key_id,
    }


def test_what_is_missing_is_said(
    dct: DctCodec, registry: Registry, mark: Mark, clean_pixels: Pixels, watched: Path, tmp_path: Path
) -> None:
    def refused(words: str, data: Path, opened: Registry | None, key: str | None, codec: str | None) -> None:
        with pytest.raises(UsageError, match=words):
            monitor_for(data, opened, key, codec)

    refused("has no artfp manifest to name codec and key", tmp_path, registry, None, None)
    refused("has no artfp manifest to name codec and key", tmp_path, registry, "publisher", None)
    refused("no key registry", watched, None, None, None)
    refused("no codec 'telepathy'", watched, registry, None, "telepathy")
    registry.new("unused")
    refused("'unused' has never been used with the codec dct", watched, registry, "unused", None)
    refused("absent", watched, registry, "absent", None)
    write_manifest(watched, dct, ["a" * 16])
    refused("the id a{16} is not in the registry", watched, registry, None, None)
    write_manifest(watched, dct, ["a" * 16, "b" * 16])
    refused("marked with 2 keys; choose the one to watch with --key", watched, registry, None, None)
    assert monitor_for(watched, registry, "publisher", None).codec.name == "dct"
    dct_of_tomorrow = DctCodec()
    dct_of_tomorrow.sha256 = "f" * 64
    write_manifest(watched, dct_of_tomorrow, ["a" * 16])
    refused("codec 'dct' is not here; give its file with --codec", watched, registry, None, None)
