"""Parquet files: whose column is what, rows without images, damage, and only a few rows in memory."""

from __future__ import annotations

import datetime
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import Sample, pyarrow, write_parquet

from artfp.data.parquet import ParquetSource
from artfp.data.parquet_file import ParquetFile
from artfp.data.parquet_footer import RowGroup, read_footer, row_groups
from artfp.data.readers import collect, open_source
from artfp.errors import ArtfpError, BadInputError, UsageError

pa: Any = pyarrow()
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def images(*contents: bytes | None, paths: list[str | None] | None = None) -> Any:
    named = zip(contents, paths or [None] * len(contents), strict=True)
    return pa.array([{"bytes": content, "path": path} for content, path in named], STRUCT)


def write(path: Path, columns: dict[str, Any], features: Any = None, **options: Any) -> Path:
    table = pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pa.parquet.write_table(table, path, **options)
    return path


def watched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The groups that are decoded, as they are."""
    tries, decode = [], ParquetFile.images

    def images(self: ParquetFile, group: int, rows: int) -> list[bytes | None]:
        tries.append(group)
        return decode(self, group, rows)

    monkeypatch.setattr(ParquetFile, "images", images)
    return tries


def numbered(count: int) -> list[Sample]:
    return [Sample(f"{index}.png", b"image %d" % index, index % 2, "") for index in range(count)]


def test_plain_bytes_are_images_and_rows_without_names_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"image": pa.array([b"a", b"b"], pa.large_binary())})
    with open_source(path) as source:
        assert [(entry.name, entry.label) for entry in source] == [("00000000", None), ("00000001", None)]
        assert [source.read(entry) for entry in source] == [b"a", b"b"]
        assert (source.labels.origin, source.columns.columns) == ("none", [])
    assert [name for name, _ in collect([str(path)])] == [f"{path}/00000000", f"{path}/00000001"]


@pytest.mark.parametrize("paths", [["1.png", "1.png"], ["1.png", None], ["1.png", ""]])
def test_paths_are_names_only_where_each_row_has_its_own(paths: list[str | None], tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.parquet", {"image": images(b"x", b"y", paths=paths)})
    with open_source(tmp_path) as source:
        assert [entry.name for entry in source] == [
            "a.parquet/00000000",
            "a.parquet/00000001",
            "b.parquet/00000000",
            "b.parquet/00000001",
        ]


def test_rows_whose_image_is_not_in_the_file_are_refused(tmp_path: Path) -> None:
    column = pa.array([{"bytes": b"x", "path": "a.png"}, {"bytes": None, "path": "/far/b.png"}, None], STRUCT)
    with open_source(write(tmp_path / "x.parquet", {"image": column})) as source:
        assert [entry.problem for entry in source] == [
            None,
            "not in the file, which holds only its path /far/b.png",
            "the row holds no image",
        ]
        assert source.refused == 2
        with pytest.raises(BadInputError, match="holds only its path /far/b.png"):
            source.read_at(1)


def test_without_statistics_missing_images_are_found_when_they_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"image": images(b"x", None)}, write_statistics=False)
    with open_source(path) as source:
        assert source.refused == 0
        with pytest.raises(BadInputError, match=r"00000001: not readable \(the file holds none\)"):
            source.read_at(1)


def test_labels_have_the_names_of_their_classes_and_minus_one_is_none(tmp_path: Path) -> None:
    columns = {"img": images(b"x", b"y", b"z"), "label": pa.array([1, -1, None], pa.int8())}
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "img": {"_type": "Image"}}
    with open_source(write(tmp_path / "x.parquet", columns, features)) as source:
        assert [(entry.label, entry.class_name) for entry in source] == [(1, "dog"), (None, None), (None, None)]
        assert source.labels.origin == "column label"


def test_the_only_column_of_classes_is_the_label(tmp_path: Path) -> None:
    columns = {"image": images(b"x"), "kind": [1], "label": ["no number"]}
    features = {"kind": {"names": ["cat", "dog"]}}
    with open_source(write(tmp_path / "a.parquet", columns, features)) as source:
        assert source[0].label is None
        assert source.columns.row(0) == {"kind": 1, "label": "no number"}
    columns.pop("label")
    with open_source(write(tmp_path / "b.parquet", columns, features)) as source:
        assert (source[0].label, source[0].class_name, source.columns.columns) == (1, "dog", [])


@pytest.mark.parametrize("note", ["{", "[]", '{"info": 3}', '{"info": {"features": {"label": {"names": [1]}}}}'])
def test_notes_that_are_none_of_hugging_faces_are_passed_over(note: str, tmp_path: Path) -> None:
    table = pa.table({"image": images(b"x"), "label": [1]}).replace_schema_metadata({"huggingface": note})
    pa.parquet.write_table(table, tmp_path / "x.parquet")
    with open_source(tmp_path / "x.parquet") as source:
        assert (source[0].label, source[0].class_name) == (1, "1")


def test_columns_that_json_can_say_are_kept_and_others_counted(tmp_path: Path) -> None:
    columns = {
        "image": images(b"x"),
        "when": [datetime.date(2024, 2, 29)],
        "price": [Decimal("1.50")],
        "tags": [["a", "b"]],
        "box": [{"x": 1, "y": 2.5}],
        "kind": pa.array(["k"]).dictionary_encode(),
        "mask_file_name": ["m.png"],
        "nothing": pa.nulls(1),
        "mask": images(b"y"),
        "raw": [b"z"],
    }
    with open_source(write(tmp_path / "x.parquet", columns)) as source:
        assert source.columns.row(0) == {
            "when": "2024-02-29",
            "price": "1.50",
            "tags": ["a", "b"],
            "box": {"x": 1, "y": 2.5},
            "kind": "k",
            "mask_file_name_in_source": "m.png",
            "nothing": None,
        }
        assert source.others == {"column mask": 1, "column raw": 1}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"label": [1]}, "columns of images: none; needed is one called image"),
        ({"a": images(b"x"), "b": images(b"y")}, "columns of images: a, b; needed"),
        ({"image": ["a.png"]}, "columns of images: none"),
    ],
)
def test_a_file_without_one_column_of_images_is_refused(columns: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"x\.parquet: {told}"):
        open_source(write(tmp_path / "x.parquet", columns))


def test_shards_must_agree_on_images_and_classes(tmp_path: Path) -> None:
    features = ({"label": {"names": names}} for names in (["cat", "dog"], ["dog", "cat"]))
    for name, notes in zip("ab", features, strict=True):
        write(tmp_path / f"{name}.parquet", {"image": images(b"x"), "label": [0]}, notes)
    with pytest.raises(BadInputError, match=r"b\.parquet: other images, labels or classes than in .*a\.parquet"):
        open_source(tmp_path)


def test_damage_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", numbered(40), group=10)
    content = path.read_bytes()
    for broken in (
        b"",
        b"PAR1",
        content[:-1],
        content[: len(content) // 2],
        b"hello" * 100,
        content[:-8] + b"\xff" * 8,
    ):
        path.write_bytes(broken)
        with pytest.raises(BadInputError, match=r"x\.parquet: not a readable Parquet file"):
            open_source(path)


def test_damaged_groups_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(
        tmp_path / "x.parquet",
        {"image": images(*[b"image %d" % i for i in range(20)])},
        row_group_size=10,
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
    )
    content = bytearray(path.read_bytes())
    content[content.index(b"image 3")] ^= 1
    path.write_bytes(content)
    tries = watched(monkeypatch)
    with open_source(path) as source:
        for index in range(10):
            with pytest.raises(BadInputError, match=r"not readable \(.*x\.parquet, group 0 of rows: "):
                source.read_at(index)
        assert source.read_at(15) == b"image 15"
    assert tries == [0, 1]


def test_only_two_groups_are_in_memory_and_each_is_decoded_once_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write_parquet(tmp_path / f"{name}.parquet", numbered(20), group=5)
    tries = watched(monkeypatch)
    with open_source(tmp_path) as source:
        assert isinstance(source, ParquetSource)
        for index in range(40):
            assert source.read_at(index) == b"image %d" % (index % 20)
            assert len(source._kept) <= 2
    assert tries == [0, 1, 2, 3] * 2


def test_groups_that_would_fill_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = {"image": images(*[b"x" * 1000] * 100)}  # a dictionary holds it once
    path = write(tmp_path / "x.parquet", repeated, use_dictionary=True)
    monkeypatch.setenv("ARTFP_MAX_GROUP_BYTES", "10000")
    with open_source(path) as source, pytest.raises(BadInputError, match="decode to .* over the limit of 10,000"):
        source.read_at(0)
    path = write(tmp_path / "y.parquet", repeated, use_dictionary=False)
    with pytest.raises(UsageError, match=r"y\.parquet: a group of its rows holds .* write it again in groups of fewer"):
        open_source(path)


def test_more_rows_than_bytes_are_a_lie(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"image": pa.nulls(1_000_000, STRUCT)})
    with pytest.raises(BadInputError, match=r"says that [\d,]+ bytes hold 1,000,000 rows"):
        open_source(path)


def test_a_file_that_changes_is_not_read_further(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", numbered(10))
    with open_source(path) as source:
        write_parquet(path, numbered(12))
        with pytest.raises(BadInputError, match="it has changed since it was listed"):
            source.read_at(0)


def test_labels_alone_change_the_hash(tmp_path: Path) -> None:
    hashes = set()
    for labels in ([0, 1, 0], [0, 0, 1], [0, 1, 0]):
        with open_source(write(tmp_path / "x.parquet", {"image": images(b"x", b"y", b"z"), "label": labels})) as source:
            hashes.add(source.sha256)
    assert len(hashes) == 2


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_parquet(tmp_path / "x.parquet", numbered(1))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"Parquet files need the extra `parquet` .* pip install 'artfp\[parquet\]'"):
        open_source(path)


def test_footers_are_read_as_pyarrow_reads_them(tmp_path: Path) -> None:
    contents = [b"x" * (index % 7) if index % 5 else None for index in range(100)]
    columns = {
        "flag": [True] * 100,
        "image": images(*contents),
        "map": pa.array([[("k", 1)]] * 100, pa.map_("str", "i4")),
    }
    features = {"image": {"_type": "Image"}}
    options: list[dict[str, Any]] = [
        {"row_group_size": 7},
        {"row_group_size": 100, "compression": "zstd", "use_dictionary": False},
        {"row_group_size": 3, "write_page_index": True, "sorting_columns": [pa.parquet.SortingColumn(0)]},
    ]
    for chosen in options:
        path = write(tmp_path / "x.parquet", columns, features, **chosen)
        footer = pa.parquet.ParquetFile(path).metadata
        expected = []
        for group in map(footer.row_group, range(footer.num_row_groups)):
            (leaf,) = (
                column
                for column in map(group.column, range(group.num_columns))
                if column.path_in_schema == "image.bytes"
            )
            expected.append(RowGroup(group.num_rows, leaf.total_uncompressed_size, leaf.statistics.null_count))
        assert row_groups(read_footer(path), "image.bytes") == expected


@settings(max_examples=300, deadline=None, derandomize=True)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=5))
def test_a_damaged_footer_is_an_error_or_harmless(
    changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    content = bytearray(write_parquet(path, numbered(6)).read_bytes())
    for at, value in changes:
        content[len(content) - 1 - at % (int.from_bytes(content[-8:-4], "little") + 8)] = value
    path.write_bytes(content)
    try:
        with open_source(path) as source:
            assert len(source) <= len(content)
            _ = source.labels, source.columns, source.sha256
            for index in range(len(source)):
                source.read_at(index)
    except ArtfpError as error:
        assert "damaged.parquet" in str(error) or "not readable" in str(error)  # noqa: PT017 - whether there is one is luck
