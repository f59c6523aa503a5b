"""What staged images are packed to: whatever a format's other readers expect of it, and everything that was known."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import pyarrow

from artfp.data import packing, parquet_writer
from artfp.data.contents import Contents
from artfp.data.journal import Row
from artfp.data.manifest import MANIFEST, MANIFEST_ROWS, tables_of, write_manifest, write_tables
from artfp.data.outputs import Kind, output_for
from artfp.data.packing import pack
from artfp.data.readers import open_source
from artfp.data.writers import image_name
from artfp.errors import ArtfpError
from artfp.files import sha256_bytes
from artfp.images import LoadedImage, encode_png

Made = Callable[..., Contents]


def silent(done: int) -> None:
    pass


@pytest.fixture
def contents(tmp_path: Path) -> Made:
    """Seven staged images of 8 px and their source, with the columns and labels that are given."""

    def make(
        kind: Kind,
        columns: Sequence[dict[str, Any]] = (),
        labels: Sequence[Any] | None = None,
        classes: Sequence[str] | None = None,
        images: int | None = 3,
    ) -> Contents:
        rows = []
        for index in range(7):
            data = encode_png(LoadedImage(np.full((8, 8, 3), index, np.uint8)))
            for path in (tmp_path / "source" / f"{index}.png", tmp_path / "staged" / image_name(index)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            rows.append(Row(index, sha256_bytes(data), len(data), 8, 8, False))
        told = [json.dumps({"file_name": f"{index}.png"} | row) for index, row in enumerate(columns)]
        (tmp_path / "source" / "metadata.jsonl").write_text("\n".join(told))
        if labels is not None:
            pairs = [[f"{index}.png", label] for index, label in enumerate(labels) if label is not None]
            table = {"labels": pairs} | ({"classes": classes} if classes is not None else {})
            (tmp_path / "source" / "dataset.json").write_text(json.dumps(table))
        output = output_for(Path("m.zip" if kind == "zip" else "m"), kind, None if kind == "zip" else images)
        return Contents(tmp_path / "staged", lambda: rows, open_source(tmp_path / "source"), output)

    return make


@pytest.fixture
def packed(contents: Made, tmp_path: Path) -> Callable[..., Path]:
    """Packs them, with their tables."""

    def make(*arguments: Any, **options: Any) -> Path:
        found = contents(*arguments, **options)
        write_tables(found, lambda index: {"key_id": "k"}, found.label_kinds == {"class"})
        write_manifest(found, {})
        with found.source:
            return pack(found, tmp_path, silent)

    return make


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def table_of(packed: Path) -> Any:
    return pyarrow().concat_tables(pyarrow().parquet.read_table(path) for path in sorted((packed / "data").iterdir()))


# Zip


def test_zips_are_stored_sorted_timeless_and_reproducible(packed: Callable[..., Path]) -> None:
    first = packed("zip").read_bytes()
    again = packed("zip")
    assert again.read_bytes() == first
    with zipfile.ZipFile(again) as archive:
        infos = archive.infolist()
        assert [info.filename for info in infos] == sorted(info.filename for info in infos)
        assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
        assert archive.testzip() is None


# Tar


def test_samples_lie_side_by_side_and_all_have_the_same_files(packed: Callable[..., Path]) -> None:
    """WebDataset's rules: one base name up to the first dot, files of a sample consecutive, in shards with numbers."""
    root = packed("tar", [{"text": f"t{i}"} for i in range(7)], [0, 1, 0, 1, 0, 1, 0], ["cat", "dog"])
    shards = sorted(root.glob("*.tar"))
    assert [shard.name for shard in shards] == ["m-000000.tar", "m-000001.tar", "m-000002.tar"]
    keys = []
    for shard in shards:
        names = [name.partition(".") for name in members(shard)]
        keys += [key for key, _, _ in names[::3]]
        assert names == [(key, ".", suffix) for key, _, _ in names[::3] for suffix in ("cls", "json", "png")]
    assert keys == [f"img{index:08d}" for index in range(7)]
    third = members(shards[1])
    assert third["img00000003.cls"] == b"1"
    assert json.loads(third["img00000003.json"]) == {
        "source_file": "3.png",
        "label": 1,
        "class_name": "dog",
        "text": "t3",
    }
    assert third["img00000003.png"] == encode_png(LoadedImage(np.full((8, 8, 3), 3, np.uint8)))


def test_tars_tell_nothing_of_time_and_place_and_end_as_they_should(packed: Callable[..., Path]) -> None:
    first = {path.name: path.read_bytes() for path in packed("tar").iterdir()}
    root = packed("tar")
    assert {path.name: path.read_bytes() for path in root.iterdir()} == first
    assert first.keys() == {"m-000000.tar", "m-000001.tar", "m-000002.tar", MANIFEST, MANIFEST_ROWS}
    with tarfile.open(root / "m-000000.tar") as archive:
        found = {(info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) for info in archive}
    assert found == {(0, 0, 0, "", "", 0o644)}
    assert all(data.endswith(bytes(1024)) for name, data in first.items() if name.endswith(".tar"))


@pytest.mark.parametrize("labels", [None, [0, 1, None, 1, 0, 1, 0], [[0.5, 1]] * 7, [10**9] * 7])
def test_cls_files_are_there_for_all_or_for_none(labels: Any, packed: Callable[..., Path]) -> None:
    """Readers that stack samples need the same files in each; what is no class number stays a column."""
    root = packed("tar", labels=labels)
    found = {name: data for shard in root.glob("*.tar") for name, data in members(shard).items()}
    assert not [name for name in found if name.endswith(".cls")]
    if labels is not None:
        assert [json.loads(found[f"img{index:08d}.json"])["label"] for index in range(7)] == labels
    with open_source(root) as source:
        assert {entry.label for entry in source} == {None}


# Parquet


def test_rows_have_image_label_and_all_columns(packed: Callable[..., Path]) -> None:
    pa = pyarrow()
    columns = [{"text": f"t{i}", "n": i, "boxes": [[1, 2], [i, 4]], "of": {"a": i}, "ok": i > 2} for i in range(7)]
    root = packed("parquet", columns, [0, 1, 0, 1, 0, 1, 0], ["cat", "dog"])
    assert sorted(path.name for path in (root / "data").iterdir()) == [
        f"train-{number:05d}-of-00003.parquet" for number in range(3)
    ]
    table = table_of(root)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        "image": "struct<bytes: binary, path: string>",
        "label": "int64",
        "source_file": "string",
        "class_name": "string",
        "text": "string",
        "n": "int64",
        "boxes": "list<element: list<element: int64>>",
        "of": "struct<a: int64>",
        "ok": "bool",
    }
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features == {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    rows = table.to_pylist()
    assert [row["image"]["path"] for row in rows] == [image_name(index) for index in range(7)]
    assert rows[3].pop("image")["bytes"] == encode_png(LoadedImage(np.full((8, 8, 3), 3, np.uint8)))
    assert rows[3] == {"source_file": "3.png", "label": 1, "class_name": "dog"} | columns[3]
    assert pa.parquet.ParquetFile(next((root / "data").iterdir())).metadata.num_row_groups == 1


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, 2.5, None], "double", [1.0, 2.5, None]),
        ([None] * 3, "null", [None] * 3),
        ([None, None, "a"], "string", [None, None, "a"]),
        ([1, "a", None], "string", ["1", '"a"', None]),
        ([True, 1, None], "string", ["true", "1", None]),
        ([1, 1 << 70, None], "string", ["1", str(1 << 70), None]),
        ([(1 << 60) + 1, 2.5, None], "string", [str((1 << 60) + 1), "2.5", None]),
        (["\ud800", "a", None], "string", ['"\\ud800"', '"a"', None]),
        ([{}, {}, {}], "string", ["{}"] * 3),
        ([[], [1], None], "list<element: int64>", [[], [1], None]),
        ([[1], [[1]], None], "string", ["[1]", "[[1]]", None]),
        (
            [{"a": 1}, {"b": "x"}, {}],
            "struct<a: int64, b: string>",
            [{"a": 1, "b": None}, {"a": None, "b": "x"}, {"a": None, "b": None}],
        ),
        ([{"a": 1}, {"a": "x"}, None], "string", ['{"a": 1}', '{"a": "x"}', None]),
    ],
)
@pytest.mark.parametrize("at_a_time", [1, 1000])
def test_a_column_has_a_type_that_holds_every_value_or_is_json(
    values: list[Any],
    kind: str,
    found: list[Any],
    at_a_time: int,
    packed: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pyarrow()
    monkeypatch.setattr(parquet_writer, "LOOKED_AT", at_a_time)
    table = table_of(packed("parquet", [{"x": value} for value in values]))
    assert str(table.schema.field("x").type) == kind
    assert table.column("x").to_pylist() == found + [None] * 4


def test_columns_of_the_source_that_are_called_like_ours_are_kept_under_another_name(
    packed: Callable[..., Path],
) -> None:
    pyarrow()
    table = table_of(packed("parquet", [{"image": "i", "label": "l"}] * 7, [3] * 7))
    assert table.schema.names == ["image", "label", "source_file", "label_in_source", "class_name", "image_in_source"]
    assert table.column("label").to_pylist() == [3] * 7
    assert table.column("label_in_source").to_pylist() == ["l"] * 7
    assert b"ClassLabel" not in table.schema.metadata[b"huggingface"]  # nobody named the classes


def test_columns_may_be_called_anything(packed: Callable[..., Path]) -> None:
    pyarrow()
    row = {"": 1, "a.b": 2, "a": {"b": 3}, "ü \ud800": 4}
    root = packed("parquet", [row] * 7)
    assert table_of(root).schema.names == ["image", "source_file", "", "a.b", "a", "ü \\ud800"]
    with open_source(root) as source:
        assert list(source.columns.row(0).values())[1:] == [1, 2, {"b": 3}, 4]


@pytest.mark.parametrize("classes", [["a", "a", "b", "c"], ["a", "b"]])
def test_classes_that_hugging_face_would_refuse_are_numbers(classes: list[str], packed: Callable[..., Path]) -> None:
    pyarrow()
    table = table_of(packed("parquet", labels=[3] * 7, classes=classes))
    assert table.column("label").to_pylist() == [3] * 7
    assert b"ClassLabel" not in table.schema.metadata[b"huggingface"]


def test_labels_may_be_missing_and_vectors_are_a_column(packed: Callable[..., Path]) -> None:
    pyarrow()
    labels = [0, 1, None, 1, 0, 1, 0]
    assert table_of(packed("parquet", labels=labels)).column("label").to_pylist() == labels
    table = table_of(packed("parquet", labels=[[0.5, 1.0]] * 7))
    assert table.column("label").to_pylist() == [[0.5, 1.0]] * 7
    assert table.schema.names == ["image", "source_file", "label", "class_name"]


def test_groups_of_rows_are_few_images_and_few_bytes(
    packed: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pa = pyarrow()
    for limits in ({"GROUP": 2}, {"GROUP_BYTES": 200}):
        for name, value in limits.items():
            monkeypatch.setattr(parquet_writer, name, value)
        (file,) = (packed("parquet", images=7) / "data").iterdir()
        found = pa.parquet.ParquetFile(file).metadata
        assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == [2, 2, 2, 1]
        monkeypatch.undo()
    monkeypatch.setattr(parquet_writer, "GROUP_BYTES", 1)
    (file,) = (packed("parquet", images=7) / "data").iterdir()
    assert pa.parquet.ParquetFile(file).metadata.num_row_groups == 7


# All


@pytest.mark.parametrize("kind", ["zip", "tar", "parquet"])
def test_what_cannot_be_read_back_gets_no_name(
    kind: Kind, packed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "parquet":
        pyarrow()
    read = Contents.read
    with monkeypatch.context() as patch:
        patch.setattr(Contents, "read", lambda self, sample: read(self, sample)[:-1] + b"?")
        with pytest.raises(ArtfpError, match="not what was written; is the disk sound"):
            packed(kind)
    leftover = tmp_path / "packed"
    assert leftover.exists()
    assert packed(kind) == leftover
    write = packing.PACKERS[kind]
    monkeypatch.setitem(packing.PACKERS, kind, lambda found, samples, path: write(found, iter([*samples][:-1]), path))
    with pytest.raises(ArtfpError, match="not what was written"):
        packed(kind)


def test_a_folder_is_what_it_is(contents: Made, tmp_path: Path) -> None:
    found = contents("folder", images=None)
    assert pack(found, tmp_path, silent) == found.staged
    assert len(tables_of(found.output)) == 4


def test_progress_is_told(contents: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "TOLD_EVERY", 3)
    told: list[int] = []
    found = contents("tar")
    write_tables(found, lambda index: {}, False)
    write_manifest(found, {})
    pack(found, tmp_path, told.append)
    assert told == [0, 3, 6]
