"""What a target becomes, and in which file an image lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from artfp.data.journal import Row
from artfp.data.outputs import DataFile, output_for
from artfp.errors import UsageError

MB = 10**6


def rows(*sizes: int) -> list[Row]:
    return [Row(index, "", size, 8, 8, False) for index, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("name", "kind", "becomes"),
    [
        ("marked", None, "folder"),
        ("marked.zip", None, "zip"),
        ("marked.ZIP", None, "zip"),
        ("marked.v2", None, "folder"),
        ("marked.zip", "zip", "zip"),
        ("marked", "folder", "folder"),
        ("marked", "tar", "tar"),
        ("marked.v2", "parquet", "parquet"),
    ],
)
def test_the_name_decides_unless_someone_does(name: str, kind: Any, becomes: str) -> None:
    output = output_for(Path(name), kind)
    assert (output.kind, output.is_sharded) == (becomes, becomes in ("tar", "parquet"))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("marked.tar", {}, r"into a new folder, .*; give its name without \.tar, and --format tar"),
        ("marked.parquet", {"kind": "parquet"}, r"without \.parquet, and --format parquet"),
        ("marked.zip", {"kind": "tar"}, r"as --format tar\? Names of zips end in \.zip"),
        ("marked.zip", {"kind": "folder"}, r"as --format folder\?"),
        ("marked", {"kind": "zip"}, r"as --format zip\?"),
        ("marked", {"images": 10}, "is to be a folder; --images-per-file and --mb-per-file go with tar and parquet"),
        ("marked.zip", {"megabytes": 10}, "is to be a zip;"),
        ("marked", {"kind": "tar", "images": -1}, "a file holds at least one image"),
        ("marked", {"kind": "tar", "megabytes": -1}, "and one MB"),
    ],
)
def test_what_does_not_go_together_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        output_for(Path(name), **options)


def test_limits_are_settings_of_those_that_have_files_to_limit() -> None:
    assert output_for(Path("x.zip")).settings() == {"output": "zip"}
    assert output_for(Path("x")).settings() == {"output": "folder"}
    usual = {"output": "tar", "images per file": 10_000, "MB per file": 1000}
    assert output_for(Path("x"), "tar").settings() == usual
    assert output_for(Path("x"), "parquet", images=3).settings() == {
        "output": "parquet",
        "images per file": 3,
        "MB per file": 500,
    }


def test_a_file_ends_where_an_image_would_be_one_too_many_or_too_large() -> None:
    output = output_for(Path("x"), "tar", images=3, megabytes=2)
    assert output.files(rows()) == ()
    assert output.files(rows(1, 1, 1)) == (DataFile("x-000000.tar", 3, 3),)
    assert [file.images for file in output.files(rows(*[1] * 7))] == [3, 3, 1]
    sizes = [MB, MB, 1, 3 * MB, 1, 1]  # two fill a file exactly; one is larger than a file
    assert [(file.images, file.bytes) for file in output.files(rows(*sizes))] == [
        (2, 2 * MB),
        (1, 1),
        (1, 3 * MB),
        (2, 2),
    ]


def test_folders_and_zips_have_no_such_files() -> None:
    assert output_for(Path("x")).files(rows(1, 2)) == output_for(Path("x.zip")).files(rows(1, 2)) == ()


def test_files_and_images_are_called_as_others_call_them() -> None:
    tar, parquet = output_for(Path("a/.my set"), "tar", images=1), output_for(Path("x"), "parquet", images=2)
    assert [file.name for file in tar.files(rows(1, 1))] == ["my set-000000.tar", "my set-000001.tar"]
    assert tar.image_name(1234, "my set-000001.tar") == "my set-000001.tar/img00001234.png"
    assert [file.name for file in parquet.files(rows(1, 1, 1))] == [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
    ]
    assert parquet.image_name(1234, "data/train-00000-of-00002.parquet") == "00001/img00001234.png"
