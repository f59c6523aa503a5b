"""Extra columns of a dataset: the rows of its `metadata.jsonl` or `metadata.csv`, by image.

Hugging Face's rules: `file_name` is relative to the folder of the metadata file. Rows wait in a temporary file, so
that memory holds eight bytes an image, and none where there are no rows. Columns that Hugging Face would open as
further files (`*_file_name`, `*file_names`) get `_in_source` appended, since the files they name are not carried over.
"""

from __future__ import annotations

import csv
import json
import tempfile
from array import array
from collections.abc import Iterator, Mapping
from typing import IO, Any

from artfp.errors import BadInputError

NAMES = frozenset({"metadata.jsonl", "metadata.csv"})


class ExtraColumns:
    """Rows by image index, in a temporary file."""

    def __init__(self, count: int) -> None:
        self.columns: list[str] = []
        self.unmatched = 0
        self._count = count
        self._offsets = array("q")  # of each image once there is a row
        self._file: IO[bytes] | None = None

    def add(self, index: int, row: Mapping[str, Any]) -> None:
        """Keep a row; a later one for the same image replaces it."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
            self._offsets = array("q", [-1]) * self._count
        known = set(self.columns)
        self.columns.extend(name for name in row if name not in known)
        self._offsets[index] = self._file.seek(0, 2)
        self._file.write(json.dumps(row).encode() + b"\n")

    def row(self, index: int) -> dict[str, Any]:
        """Every column of an image, None where its row lacks one or it has no row."""
        row: dict[str, Any] = {}
        if self._file is not None and self._offsets[index] >= 0:
            self._file.seek(self._offsets[index])
            row = json.loads(self._file.readline())
        return {name: row.get(name) for name in self.columns}

    def close(self) -> None:
        """Give the temporary file back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_into(columns: ExtraColumns, stream: IO[str], name: str, indices: Mapping[str, int], where: str = "") -> None:
    """Add the rows of one metadata file called `name`, matched by `file_name`; `where` is what it lies in."""
    folder = name.rpartition("/")[0]
    rows = _csv_rows(stream) if name.endswith(".csv") else _json_rows(stream)
    try:
        for row in rows:
            file_name = row.pop("file_name", None)
            index = indices.get(f"{folder}/{file_name}".lstrip("/")) if isinstance(file_name, str) else None
            if index is None:
                columns.unmatched += 1
            else:
                columns.add(index, {safe_column(column): value for column, value in row.items()})
    except (ValueError, csv.Error) as error:
        raise BadInputError(f"{where}{name}: {error}") from error


def _json_rows(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no JSON object")
        yield row


def _csv_rows(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for row in csv.DictReader(stream):
        yield {name: value for name, value in row.items() if name is not None}


def safe_column(name: str) -> str:
    """What a source's own column may be called beside ours."""
    names_files = name in ("file_name", "file_names") or name.endswith("_file_name") or name.endswith("_file_names")
    return f"{name}_in_source" if names_files else name
