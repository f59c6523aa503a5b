"""One Parquet file: which columns are the images, their labels and the rest, and rows decoded a few at a time.

Images lie in a column of structs {bytes, path}, as Hugging Face writes them, or in one of plain bytes called `image`.
The names of classes are in the schema's metadata under `huggingface`, where there are any.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from artfp.data.parquet_footer import RowGroup, read_footer, row_groups
from artfp.data.remote import HubFile
from artfp.errors import BadInputError, UsageError
from artfp.files import sha256_bytes
from artfp.limits import ENTRIES, GROUP_BYTES

IMAGE, LABEL = "image", "label"
ROWS = 16  # decoded at a time: a value that a dictionary repeats for many rows must not fill the memory


@dataclass(frozen=True)
class Layout:
    """What the columns of a file are for."""

    image: str  # with a dot, where it is a part of a struct
    path: str | None  # what the image was called
    label: str | None
    classes: tuple[str, ...] | None
    extra: tuple[str, ...]
    left_out: tuple[str, ...]  # further images and whatever else JSON cannot say


class ParquetFile:
    """An open file. Use as a context manager; not from several threads at a time."""

    def __init__(self, path: Path | HubFile, column: str | None = None) -> None:
        self.path = path
        found = path.stat()
        self.state = found.st_size, found.st_mtime_ns
        opened = path.open("rb") if isinstance(path, HubFile) else path
        self._file = import_pyarrow("pyarrow.parquet").ParquetFile(opened, page_checksum_verification=True)
        self.layout = layout_of(self._file.schema_arrow, path, column)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def groups(self) -> list[RowGroup]:
        """Its groups of rows; refuses what would fill the memory: names of rows that cannot be there, large groups."""
        found, size = row_groups(read_footer(self.path), self.layout.image), self.state[0]
        if (count := sum(group.rows for group in found)) > size:
            raise ValueError(f"says that {size:,} bytes hold {count:,} rows")
        if count > ENTRIES.value:
            raise ValueError(f"{count:,} rows is {ENTRIES.words}")
        if (largest := max((group.size for group in found), default=0)) > GROUP_BYTES.value:
            raise UsageError(
                f"{self.path}: a group of its rows holds {largest:,} bytes of images, {GROUP_BYTES.words}; write it "
                "again in groups of fewer rows (1,000, say)"
            )
        return found

    def identity(self) -> str:
        """Its size, and a hash of the footer, which has the sizes of all columns in it."""
        return f"{self.state[0]} {sha256_bytes(read_footer(self.path))}"

    def values(self, column: str) -> Iterator[Any]:
        """One column, or one part of a struct, of all rows."""
        for batch in self._batches([column]):
            yield from _part(batch.column(0), column).to_pylist()

    def records(self) -> Iterator[dict[str, Any]]:
        """The extra columns of all rows, as JSON has them: dates and decimals as text."""
        for batch in self._batches(self.layout.extra):
            for record in batch.to_pylist():
                yield json.loads(json.dumps(record, default=str))

    def images(self, group: int, rows: int) -> list[bytes | None]:
        """The images of a group of so many rows."""
        found: list[bytes | None] = []
        size = 0
        for batch in self._batches([self.layout.image], [group]):
            size += batch.nbytes
            if size > GROUP_BYTES.value:
                raise ValueError(f"rows that decode to {size:,} bytes or more, {GROUP_BYTES.words}")
            found += _part(batch.column(0), self.layout.image).to_pylist()
        if len(found) != rows:
            raise ValueError(f"{len(found):,} images in {rows:,} rows")
        return found

    def _batches(self, columns: Sequence[str], groups: list[int] | None = None) -> Iterator[Any]:
        if columns:
            yield from self._file.iter_batches(ROWS, row_groups=groups, columns=list(columns), use_threads=False)


def import_pyarrow(module: str) -> Any:
    """A module of pyarrow's, which is not needed for anything else."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"Parquet files need the extra `parquet` ({error}): pip install 'artfp[parquet]'") from error


def layout_of(schema: Any, path: Path | HubFile, column: str | None = None) -> Layout:
    """What the columns are for, by their types and Hugging Face's notes; the images' may be named."""
    features = _features(schema.metadata)
    images = {field.name: leaf for field in schema if (leaf := _image_leaf(field))}
    wanted = column or IMAGE
    if wanted not in images and (column or len(images) != 1):
        told = f"columns of images: {', '.join(images) or 'none'}"
        raise BadInputError(f"{path}: {told}; needed is one called {wanted}, of bytes or of structs {{bytes, path}}")
    image = wanted if wanted in images else next(iter(images))
    label = _label(schema, features)
    rest = [field for field in schema if field.name not in (image, label)]
    return Layout(
        images[image],
        f"{image}.path" if _has_part(schema.field(image), "path", "string") else None,
        label,
        _classes(features.get(label)),
        tuple(field.name for field in rest if _is_plain(field.type)),
        tuple(field.name for field in rest if not _is_plain(field.type)),
    )


def _features(notes: dict[bytes, bytes] | None) -> dict[str | None, Any]:
    """What Hugging Face notes of each column."""
    try:
        found = json.loads((notes or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _image_leaf(field: Any) -> str | None:
    if _has_part(field, "bytes", "binary"):
        return f"{field.name}.bytes"
    return IMAGE if field.name == IMAGE and _is(field.type, "binary") else None


def _has_part(field: Any, name: str, kind: str) -> bool:
    parts = field.type if _is(field.type, "struct") else ()
    return any(part.name == name and _is(part.type, kind) for part in parts)


def _label(schema: Any, features: dict[str | None, Any]) -> str | None:
    """The column `label`, or else the only one whose classes have names, if it is of whole numbers."""
    named = [name for name in schema.names if _classes(features.get(name))]
    name = LABEL if LABEL in schema.names else named[0] if len(named) == 1 else None
    return name if name is not None and _is(schema.field(name).type, "integer") else None


def _classes(feature: Any) -> tuple[str, ...] | None:
    names = feature.get("names") if isinstance(feature, dict) else None
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _is_plain(kind: Any) -> bool:
    """Whether JSON can say values of a type."""
    if _is(kind, "struct"):
        return all(_is_plain(part.type) for part in kind)
    if _is(kind, "list", "fixed_size_list", "dictionary"):
        return _is_plain(kind.value_type)
    return _is(kind, "null", "boolean", "integer", "floating", "string", "temporal", "decimal")


def _is(kind: Any, *names: str) -> bool:
    """Whether a type is one of these; large ones are the same to us."""
    types = import_pyarrow("pyarrow").types
    tests = (getattr(types, f"is_{prefix}{name}", None) for name in names for prefix in ("", "large_"))
    return any(test(kind) for test in tests if test is not None)


def _part(column: Any, name: str) -> Any:
    return column.field(name.rpartition(".")[2]) if _is(column.type, "struct") else column
