"""Marked datasets as tars and Parquet files: the same images and the same knowledge of them as in a folder."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import pyarrow
from numpy.typing import NDArray

from artfp.artefacts import LIST, files_below, read_list
from artfp.codec.dct import DctCodec
from artfp.data.manifest import (
    MANIFEST,
    MANIFEST_ROWS,
    manifest_sha256,
    read_manifest,
    read_marked,
    read_seeds,
    read_sources,
)
from artfp.data.readers import Source, collect, open_source
from artfp.data.writers import image_name
from artfp.embed import EmbedResult, EmbedSettings, ShareResult, plan_embedding
from artfp.errors import UsageError
from artfp.files import sha256_bytes, sha256_file
from artfp.images import load_image, to_tensor
from artfp.keys.registry import Registry

Embed = Callable[..., EmbedResult]
EmbedPart = Callable[..., EmbedResult | ShareResult]
Digests = Callable[[Path], dict[str, str]]
Pixels = NDArray[np.uint8]

SHARDED = pytest.mark.parametrize("kind", ["tar", "parquet"])


@pytest.fixture(autouse=True)
def parquet() -> None:
    pyarrow()


@pytest.fixture
def source(thumbnails: Path) -> Path:
    """200 thumbnails of two classes, every third with a text."""
    rows = [
        {"file_name": str(path.relative_to(thumbnails)), "text": f"tüxt {index}", "boxes": [[index, 1.5]]}
        for index, path in enumerate(sorted(thumbnails.rglob("*.bmp")))
        if index % 3 == 0
    ]
    (thumbnails / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return thumbnails


def shards_of(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.suffix in (".tar", ".parquet"))


def pattern_of(root: Path) -> Path:
    (shard, *_) = shards_of(root)
    return shard.parent / f"*{shard.suffix}"


def told(source: Source) -> list[tuple[Any, ...]]:
    """All that is known of its images, but for what only their kind of source calls them."""
    ours = ("label", "class_name")
    return [
        (
            sha256_bytes(source.read(entry)),
            entry.label,
            entry.class_name,
            {name: value for name, value in source.columns.row(entry.index).items() if name not in ours},
        )
        for entry in source
    ]


@SHARDED
def test_images_labels_and_columns_are_those_of_a_folder(kind: str, embed: Embed, source: Path, tmp_path: Path) -> None:
    embed(source, "folder")
    result = embed(source, "packed", format=kind, images_per_file=64)
    assert (result.output, [file.images for file in result.files]) == (kind, [64, 64, 64, 8])
    assert sum(file.bytes for file in result.files) == result.totals.bytes
    assert [line[:17] for line in result.warnings] == ["SELF-CHECK FAILED"]  # too small; nothing on sizes
    with open_source(tmp_path / "folder") as folder, open_source(tmp_path / "packed") as packed:
        assert told(packed) == told(folder)
        assert [entry.name for entry in packed] == [row["file_name"] for row in rows_of(tmp_path / "packed")]
        assert [*(packed.labels.classes or ())] == [*(folder.labels.classes or ())] == ["even", "odd"]


def rows_of(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / MANIFEST_ROWS).read_text().splitlines()]


@SHARDED
def test_the_manifest_says_of_every_image_where_it_lies_and_what_it_carries(
    kind: str, embed: Embed, source: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    result = embed(source, "packed", format=kind, fraction=0.25, images_per_file=64)
    embed(source, "folder", fraction=0.25)
    root = tmp_path / "packed"
    manifest = json.loads((root / MANIFEST).read_text())
    assert manifest["tables"] == {MANIFEST_ROWS: sha256_file(root / MANIFEST_ROWS)}
    assert [file["name"] for file in manifest["files"]] == [str(p.relative_to(root)) for p in shards_of(root)]
    assert {path for path in root.rglob("*") if path.is_file()} == {
        *shards_of(root),
        root / MANIFEST,
        root / MANIFEST_ROWS,
        root / LIST,
    }
    listed = read_list(root)
    assert listed is not None
    assert listed["made_from"] == {"codec": dct.sha256, "source": manifest["settings"]["source"]}
    assert listed["files"] == {name: sha256_file(root / name) for name in files_below(root)}
    for mine, folders in zip(rows_of(root), rows_of(tmp_path / "folder"), strict=True):
        assert {**mine, "file_name": ""} == {**folders, "file_name": ""}
    marked = read_marked(root)
    assert len(marked) == result.totals.marked == 50
    bits = registry.pair("alice", dct.facts()).bits.astype(bool)
    with open_source(root) as found:
        images = [load_image(found.read(entry), entry.name).rgb for entry in found if entry.name in marked]
        right = [((dct.soft_bits(to_tensor(image)).numpy() > 0) == bits).mean() for image in images]
    assert np.mean(right) > 0.7  # of images of 16 and 24 px; others agree on half


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        ("folder", [[0, 1]], "only 1 of 24 images have a label: dataset.json holds none"),
        ("tar", [[0, 1]], "only 1 of 24 images have a label: there are no .cls files"),
        ("parquet", [[0, 1]], "only 1 of 24 images have a label: the others have null"),
        ("tar", [[i, [0.5]] for i in range(24)], "labels that are no class numbers: they are a column among others"),
        (
            "parquet",
            [[i, [0.5]] for i in range(24)],
            "labels that are no class numbers: they are a column among others",
        ),
    ],
)
def test_it_is_said_what_becomes_of_odd_labels(
    kind: str, labels: list[list[Any]], message: str, embed: Embed, photos: Path
) -> None:
    pairs = [[f"{index:03d}.png", label] for index, label in labels]
    (photos / "dataset.json").write_text(json.dumps({"labels": pairs}))
    (warning,) = embed(photos, format=kind).warnings
    assert warning.startswith(message)


@SHARDED
def test_the_same_again_does_nothing_and_other_sizes_of_files_are_other_settings(
    kind: str, embed: Embed, source: Path, tmp_path: Path
) -> None:
    first = embed(source, format=kind, images_per_file=64)
    again = embed(source, format=kind, images_per_file=64)
    assert (again.already_done, again.files) == (True, first.files)
    with pytest.raises(UsageError, match="images per file: 64 there, 65 now"):
        embed(source, format=kind, images_per_file=65)
    with pytest.raises(UsageError, match="made with other settings .*output: "):
        embed(source)
    assert EmbedResult.from_dict(json.loads(json.dumps(first.to_dict()))) == first


@SHARDED
@pytest.mark.usefixtures("small_shards")
def test_whoever_does_what_the_files_are_the_same(
    kind: str, embed: Embed, embed_part: EmbedPart, source: Path, tmp_path: Path, digests: Digests
) -> None:
    """Shards of work are no files of the result."""
    (tmp_path / "whole").mkdir()
    options: dict[str, Any] = {"format": kind, "images_per_file": 50}
    embed(source, "whole/marked", **options)
    results = [embed_part(source, index, 3, **options) for index in (2, 0, 1)]
    assert [isinstance(result, EmbedResult) for result in results] == [False, False, True]
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole" / "marked")
    assert len(shards_of(tmp_path / "marked")) == 4


@SHARDED
def test_skipped_files_leave_no_gap_in_the_shards(kind: str, embed: Embed, source: Path, tmp_path: Path) -> None:
    next(source.rglob("003.bmp")).write_bytes(b"BM")
    result = embed(source, format=kind, skip_bad=True, images_per_file=100)
    assert [file.images for file in result.files] == [100, 99]
    with open_source(tmp_path / "marked") as found:
        assert len(found) == 199
        assert found[101].name.endswith("img00000102.png")  # numbers are the source's


@SHARDED
def test_something_there_is_never_overwritten(kind: str, embed: Embed, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "marked").mkdir()
    with pytest.raises(UsageError, match="exists and is not a dataset of artfp; nothing is overwritten"):
        embed(photos, format=kind)
    assert not list((tmp_path / "marked").iterdir())


def test_what_does_not_go_together_is_said_with_all_else(embed: Embed, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)2 problems.*strength must be.*--format tar\?"):
        embed(photos, "marked.zip", format="tar", strength=-1.0)
    with pytest.raises(UsageError, match=r"give its name without \.tar"):
        embed(photos, "marked.tar")


def test_without_pyarrow_nothing_is_begun(
    embed: Embed, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"need the extra `parquet` .* pip install 'artfp\[parquet\]'"):
        embed(photos, format="parquet")
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "registry"}
    assert embed(photos, format="tar").totals.images == 24


def test_a_plan_counts_twice_what_is_packed(
    embed: Embed, photos: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    plans = [
        plan_embedding(EmbedSettings(photos, tmp_path / "out", "alice", format=kind), dct, registry)
        for kind in (None, "tar", "parquet")
    ]
    assert [plan.output for plan in plans] == ["folder", "tar", "parquet"]
    assert [round(plan.needed_bytes / plans[0].needed_bytes, 2) for plan in plans] == [1, 2, 2]


# Whoever names shards one by one means the same dataset


@SHARDED
def test_a_pattern_has_the_manifest_of_its_dataset(kind: str, embed: Embed, source: Path, tmp_path: Path) -> None:
    embed(source, format=kind, fraction=0.5, key_per="image", images_per_file=64)
    root = tmp_path / "marked"
    pattern = pattern_of(root)
    assert manifest_sha256(pattern) == manifest_sha256(root) == sha256_file(root / MANIFEST)
    assert read_manifest(pattern) == read_manifest(root)
    for read in (read_marked, read_seeds, read_sources):
        assert read(pattern) == read(root)
    with open_source(pattern) as found:
        assert [entry.name for entry in found] == list(read_sources(root))


@SHARDED
def test_a_single_shard_has_it_too_with_its_images_as_it_calls_them(
    kind: str, embed: Embed, source: Path, tmp_path: Path
) -> None:
    embed(source, format=kind, fraction=0.5, images_per_file=64)
    shard = shards_of(tmp_path / "marked")[1]
    sources = read_sources(shard)
    with open_source(shard) as found, open_source(tmp_path / "marked") as whole:
        assert found[0].class_name == "even"
        for entry in found:
            assert sources[entry.name] == read_sources(tmp_path / "marked")[whole[entry.index + 64].name]
    assert read_manifest(shard) == read_manifest(tmp_path / "marked")


def test_the_folder_of_the_parquet_files_is_the_dataset(embed: Embed, photos: Path, tmp_path: Path) -> None:
    embed(photos, format="parquet")
    assert read_manifest(tmp_path / "marked" / "data") == read_manifest(tmp_path / "marked")
    assert list(read_marked(tmp_path / "marked" / "data")) == [image_name(index) for index in range(24)]


@SHARDED
def test_shards_that_the_manifest_does_not_know_are_no_part_of_it(
    kind: str, embed: Embed, photos: Path, tmp_path: Path
) -> None:
    embed(photos, format=kind, images_per_file=12)
    (shard, _) = shards_of(tmp_path / "marked")
    stranger = shard.with_stem("stranger")
    shutil.copy(shard, stranger)
    (tmp_path / "alone").mkdir()
    shutil.copy(shard, tmp_path / "alone")
    for path in (stranger, pattern_of(tmp_path / "marked"), tmp_path / "alone" / shard.name, tmp_path / "no.tar"):
        assert read_manifest(path) is None
        assert manifest_sha256(path) is None


def test_a_damaged_manifest_beside_shards_is_none(embed: Embed, photos: Path, tmp_path: Path) -> None:
    embed(photos, format="tar")
    for content in ("{", "[]", '{"format": "artfp-dataset/1", "files": [{}]}'):
        (tmp_path / "marked" / MANIFEST).write_text(content)
        assert read_manifest(shards_of(tmp_path / "marked")[0]) is None
        assert manifest_sha256(shards_of(tmp_path / "marked")[0]) is None


@SHARDED
def test_judging_commands_read_all_images(kind: str, embed: Embed, photos: Path, tmp_path: Path) -> None:
    embed(photos, "folder")
    embed(photos, format=kind, images_per_file=10)
    contents = [[read() for _, read in collect([str(tmp_path / name)])] for name in ("folder", "marked")]
    assert contents[0] == contents[1]
    assert len(contents[0]) == 24


@SHARDED
def test_marked_shards_can_be_marked_again(kind: str, embed: Embed, source: Path, tmp_path: Path) -> None:
    embed(source, "first", format=kind, images_per_file=64)
    result = embed(tmp_path / "first", "second", format=kind, key_per="class", key="bob")
    assert [use.class_name for use in result.keys] == ["even", "odd"]
    with open_source(tmp_path / "second") as found:
        assert found.columns.row(0)["text"] == "tüxt 0"
        assert [entry.label for entry in found] == [0] * 100 + [1] * 100
