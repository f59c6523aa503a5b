"""Generators learn from marked tars and Parquet files what they learn from a marked folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinds import pyarrow

from artfp.codec.dct import DctCodec
from artfp.data.outputs import Kind
from artfp.data.readers import open_source
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import UsageError
from artfp.files import sha256_file
from artfp.generators.keying import keying_for
from artfp.generators.settings import GanRecipe
from artfp.generators.training import plan, train
from artfp.generators.transfer import monitor_for
from artfp.keys.registry import Registry

Marked = Callable[[Kind], Path]


@pytest.fixture
def marked(photos: Path, registry: Registry, dct: DctCodec, tmp_path: Path) -> Marked:
    """The same ten images as any kind of dataset, eight of them with bits of their own."""
    registry.new("house")

    def make(kind: Kind) -> Path:
        if kind == "parquet":
            pyarrow()
        files = None if kind == "folder" else 4
        target = tmp_path / "marked" / kind
        target.parent.mkdir(exist_ok=True)
        settings = EmbedSettings(photos, target, "house", fraction=0.8, key_per="image")
        embed_dataset(replace(settings, format=kind, images_per_file=files), dct, registry)
        return target

    return make


def names_of(root: Path, kind: Kind) -> list[Path]:
    """What it may be called: the folder, a pattern, and of Parquet files the folder that they lie in."""
    home = next(root.rglob(f"*.{kind}")).parent
    return [root, home / f"*.{kind}", home]


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_images_are_told_the_same_keys(kind: Kind, marked: Marked, registry: Registry) -> None:
    with open_source(marked("folder")) as source:
        expected = keying_for(source.path, registry, None).told(source)
    for path in names_of(marked(kind), kind):
        with open_source(path) as source:
            np.testing.assert_array_equal(keying_for(path, registry, None).told(source), expected)
    shard = sorted(marked(kind).rglob(f"*.{kind}"))[1]
    with open_source(shard) as source:
        np.testing.assert_array_equal(keying_for(shard, registry, None).told(source), expected[4:8])


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_a_training_is_the_same(
    kind: Kind, marked: Marked, registry: Registry, tiny: GanRecipe, tmp_path: Path
) -> None:
    recipe = replace(tiny, keyed=True, images=16, checkpoint_every=8)
    for data, out in ((marked("folder"), "a"), (marked(kind), "b")):
        train(recipe, data, tmp_path / out, keying_for(data, registry, None))
    assert sha256_file(tmp_path / "a" / "state.safetensors") == sha256_file(tmp_path / "b" / "state.safetensors")


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_no_name_of_marked_data_makes_a_clean_twin(kind: Kind, marked: Marked, tiny: GanRecipe, tmp_path: Path) -> None:
    root = marked(kind)
    for path in (*names_of(root, kind), next(root.rglob(f"*.{kind}"))):
        with pytest.raises(UsageError, match="is marked; a clean twin trains on the unmarked originals"):
            plan(tiny, path, tmp_path / "out", None, twin=True)


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_the_manifest_names_the_monitor(
    kind: Kind, photos: Path, registry: Registry, dct: DctCodec, tmp_path: Path
) -> None:
    if kind == "parquet":
        pyarrow()
    registry.new("alice")
    embed_dataset(EmbedSettings(photos, tmp_path / "one", "alice", format=kind), dct, registry)
    for path in names_of(tmp_path / "one", kind):
        assert monitor_for(path, registry, None, None).codec.sha256 == dct.sha256
