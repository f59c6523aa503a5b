"""Extra columns survive, by Hugging Face's rules."""

from __future__ import annotations

import io

import pytest

from artfp.data.metadata import ExtraColumns, read_into
from artfp.errors import BadInputError

INDICES = {"a.png": 0, "sub/b.png": 1, "c.png": 2}


def read(text: str, name: str = "metadata.jsonl") -> ExtraColumns:
    columns = ExtraColumns(len(INDICES))
    read_into(columns, io.StringIO(text), name, INDICES)
    return columns


def test_rows_come_back_by_image_with_every_column() -> None:
    columns = read('{"file_name": "c.png", "text": "é", "n": 1}\n\n{"file_name": "a.png", "tags": ["x"]}\n')
    assert columns.row(2) == {"text": "é", "n": 1, "tags": None}
    assert columns.row(0) == {"text": None, "n": None, "tags": ["x"]}
    assert columns.row(1) == {"text": None, "n": None, "tags": None}
    columns.close()


def test_names_are_relative_to_the_metadata_file() -> None:
    columns = read('{"file_name": "b.png", "n": 1}\n{"file_name": "a.png", "n": 2}\n{"n": 3}\n', "sub/metadata.jsonl")
    assert columns.row(1) == {"n": 1}
    assert columns.unmatched == 2
    columns.close()


def test_csv_rows_are_read_too() -> None:
    columns = read('file_name,text\na.png,"one, two"\nsub/b.png,\n', "metadata.csv")
    assert columns.row(0) == {"text": "one, two"}
    assert columns.row(1) == {"text": ""}
    columns.close()


def test_columns_that_name_further_files_are_renamed() -> None:
    columns = read('{"file_name": "a.png", "mask_file_name": "m.png", "file_names": ["x"], "file": 1}\n')
    assert columns.row(0) == {"mask_file_name_in_source": "m.png", "file_names_in_source": ["x"], "file": 1}
    columns.close()


@pytest.mark.parametrize(("text", "message"), [("{", "metadata.jsonl"), ("[1]\n", "line 1 is no JSON object")])
def test_broken_rows_are_bad_input(text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read(text)


def test_without_rows_there_is_no_column_and_no_file() -> None:
    columns = ExtraColumns(2)
    assert columns.row(1) == {}
    columns.close()
