"""Every image with bits of its own: from one secret and public seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.manifest import read_manifest, read_seeds
from artfp.data.writers import image_name
from artfp.embed import EmbedResult
from artfp.errors import BadInputError, UsageError
from artfp.images import load_image, to_tensor
from artfp.keys.fingerprint import derive_image_bits, pack
from artfp.keys.registry import Registry
from artfp.verify import recorded_codecs, verify

Embed = Callable[..., EmbedResult]


class Death(BaseException):
    """Nothing catches it."""


def own_bits(registry: Registry, dct: DctCodec, seeds: list[str]) -> np.ndarray:
    """By the documented rule, from the exported secret."""
    secret = bytes.fromhex(registry.export("alice")["secret"])
    return derive_image_bits(secret, dct.sha256, dct.n_bits, None, seeds)


def read(dct: DctCodec, folder: Path, names: list[str]) -> np.ndarray:
    pixels = np.stack([load_image(folder / name, name).rgb for name in names])
    return dct.soft_bits(to_tensor(pixels)).numpy() > 0


def test_every_image_carries_its_own_bits(
    embed: Embed, photos: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    result = embed(photos, key_per="image")
    seeds = read_seeds(tmp_path / "marked")
    assert list(seeds) == [image_name(index) for index in range(24)]
    assert len(set(seeds.values())) == 24
    bits = own_bits(registry, dct, [str(seed) for seed in seeds.values()])
    right = (read(dct, tmp_path / "marked", list(seeds)) == bits).mean(axis=1)
    assert right.mean() > 0.9
    assert result.self_check is not None
    assert result.self_check.passed
    assert result.self_check.bit_accuracy == pytest.approx(right.mean())
    assert (result.key_per, result.keys[0].images) == ("image", 24)


def test_unmarked_images_have_no_seed(
    embed: Embed, photos: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    result = embed(photos, key_per="image", fraction=0.25)
    embed(photos, "all", key_per="image")
    seeds, of_all = read_seeds(tmp_path / "marked"), read_seeds(tmp_path / "all")
    marked = [name for name, seed in seeds.items() if seed is not None]
    assert (len(marked), result.totals.marked, result.keys[0].images) == (6, 6, 6)
    assert {name: of_all[name] for name in marked} == {name: seeds[name] for name in marked}
    bits = own_bits(registry, dct, [str(seeds[name]) for name in marked])
    assert (read(dct, tmp_path / "marked", marked) == bits).mean() > 0.9


def test_the_tables_hold_no_bits(embed: Embed, photos: Path, tmp_path: Path, registry: Registry, dct: DctCodec) -> None:
    embed(photos, key_per="image")
    seeds = read_seeds(tmp_path / "marked")
    bits = own_bits(registry, dct, [str(seed) for seed in seeds.values()])
    text = "".join(path.read_text() for path in (tmp_path / "marked").glob("*.json*"))
    for row in bits:
        assert "".join(map(str, row)) not in text
        assert pack(row).tobytes().hex() not in text
    assert registry.export("alice")["secret"] not in text


def test_seeds_differ_with_the_run_seed_and_the_source(embed: Embed, photos: Path, tmp_path: Path) -> None:
    embed(photos, key_per="image")
    embed(photos, "reseeded", key_per="image", seed=1)
    (photos / "000.png").unlink()
    embed(photos, "fewer", key_per="image")
    found = [set(read_seeds(tmp_path / name).values()) for name in ("marked", "reseeded", "fewer")]
    assert not found[0] & found[1]
    assert not found[0] & found[2]


@pytest.mark.parametrize("target", ["marked", "marked.zip"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    target: str, embed: Embed, thumbnails: Path, tmp_path: Path, digests: Callable[[Path], dict[str, str]]
) -> None:
    def die(done: int, total: int, told: str) -> None:
        if "marking" in told and done >= 64:
            raise Death

    (tmp_path / "whole").mkdir()
    embed(thumbnails, f"whole/{target}", key_per="image")
    with pytest.raises(Death):
        embed(thumbnails, target, key_per="image", on_progress=die)
    embed(thumbnails, target, key_per="image")
    assert digests(tmp_path / target) == digests(tmp_path / "whole" / target)
    assert len(read_seeds(tmp_path / target)) == 200
    again = embed(thumbnails, target, key_per="image")
    assert (again.already_done, again.key_per) == (True, "image")


def test_the_registry_notes_the_use_and_no_pair(embed: Embed, photos: Path, registry: Registry, dct: DctCodec) -> None:
    embed(photos, key_per="image")
    assert (registry.uses("alice"), len(registry.pairs(dct.sha256))) == ([], 0)
    assert registry.image_uses("alice") == [("dct", dct.sha256)]
    assert registry.unused() == 0
    registry.commit("alice")
    with pytest.raises(UsageError, match="has been used with a codec"):
        registry.set_beacon("alice", "drand 7")


def test_verify_says_why_there_is_nothing_to_look_for(
    embed: Embed, photos: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    embed(photos, key_per="image")
    items = [(str(path), path.read_bytes) for path in sorted((tmp_path / "marked").rglob("*.png"))]
    for asked in (lambda: verify(items, registry, [dct], "alice"), lambda: recorded_codecs(registry, "alice")):
        with pytest.raises(UsageError, match="no image carries the key itself"):
            asked()
    registry.pair("alice", dct.facts())  # of other data
    assert verify(items, registry, [dct], "alice").outcome == "no match"


def test_bare_bits_have_no_bits_for_images(embed: Embed, photos: Path, registry: Registry, dct: DctCodec) -> None:
    registry.import_bits("bare", dct.facts(), np.zeros(64, np.uint8))
    with pytest.raises(UsageError, match="'bare' is imported bits without a secret"):
        embed(photos, key="bare", key_per="image")
    with pytest.raises(UsageError, match="no image can get bits of its own"):
        registry.image_bits("bare", dct.facts(), ["0"])


def test_a_dataset_with_another_kind_of_keys_has_no_seeds(embed: Embed, photos: Path, tmp_path: Path) -> None:
    embed(photos)
    with pytest.raises(BadInputError, match="holds no seeds of images"):
        read_seeds(tmp_path / "marked")


def test_the_manifest_says_it(embed: Embed, photos: Path, tmp_path: Path) -> None:
    embed(photos, key_per="image")
    manifest: dict[str, Any] = read_manifest(tmp_path / "marked") or {}
    assert (manifest["key_per"], manifest["settings"]["key per"]) == ("image", "image")
    rows = (tmp_path / "marked" / "artfp-manifest.jsonl").read_text().splitlines()
    assert {"key_id", "key_seed"} <= json.loads(rows[0]).keys()
