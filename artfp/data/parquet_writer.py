"""Parquet files as Hugging Face lays them out: image, label, and a column for all else that is told of images.

    columns --pass 1: what type holds each?--> schema      images --pass 2: a group of rows at a time--> files

A column gets the narrowest type that holds all its values. Where there is none, as for numbers beside words, it gets
each value's JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from artfp.data.contents import Contents, Sample
from artfp.data.parquet_file import IMAGE, LABEL, import_pyarrow

GROUP = 100  # rows: what `datasets` writes of images
GROUP_BYTES = 1 << 25  # of images
LOOKED_AT = 1000  # rows at a time, for their types

Row = dict[str, Any]


def pack_parquet(contents: Contents, samples: Iterator[Sample], folder: Path) -> None:
    """Write all files of a dataset below `folder`."""
    pa, parquet = import_pyarrow("pyarrow"), import_pyarrow("pyarrow.parquet")
    table = _Table(contents, pa)
    for file in contents.files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"use_dictionary": False, "write_page_checksum": True}
        with path.open("wb") as stream, parquet.ParquetWriter(stream, table.schema, **options) as writer:
            for group in _groups(islice(samples, file.images)):
                writer.write_batch(table.batch(group), row_group_size=len(group))


def _groups(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Few enough to be held in memory, and decoded together by whoever reads one of them."""
    group: list[Sample] = []
    for sample in samples:
        if group and (len(group) == GROUP or sum(item.row.bytes for item in (*group, sample)) > GROUP_BYTES):
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


class _Table:
    """The columns of a dataset and their types."""

    def __init__(self, contents: Contents, pa: Any) -> None:
        self._contents, self._pa = contents, pa
        self._is_labelled = "class" in contents.label_kinds and "other" not in contents.label_kinds
        self._types = self._find_types()
        image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        fields = [(IMAGE, image), *([(LABEL, pa.int64())] if self._is_labelled else [])]
        fields += [(name, kind or pa.string()) for name, kind in self._types.items()]
        self.schema = pa.schema(fields, {"huggingface": json.dumps({"info": {"features": self._features()}})})

    def batch(self, samples: Sequence[Sample]) -> Any:
        """Some rows."""
        images = [{"bytes": self._contents.read(sample), "path": sample.name} for sample in samples]
        columns = [images, *([[sample.entry.label for sample in samples]] if self._is_labelled else [])]
        rows = [self._row(sample) for sample in samples]
        columns += [_values(rows, name, is_text=kind is None) for name, kind in self._types.items()]
        arrays = [self._pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        return self._pa.record_batch(arrays, schema=self.schema)

    def _row(self, sample: Sample) -> Row:
        """What is told of an image, beside those columns that are ours alone."""
        row = self._contents.columns(sample)
        taken = {IMAGE, LABEL} if self._is_labelled else {IMAGE}
        if LABEL in taken and LABEL not in self._contents.source.columns.columns:
            del row[LABEL]  # the very same
        return {f"{name}_in_source" if name in taken else _column(name): value for name, value in row.items()}

    def _features(self) -> Row:
        """What `datasets` must be told, since the types do not say it."""
        names, labels = self._contents.source.labels.classes, self._contents.source.labels
        features: Row = {IMAGE: {"_type": "Image"}}
        highest = max((label for label in labels.by_index or () if isinstance(label, int)), default=0)
        if self._is_labelled and names and len(set(names)) == len(names) > highest:
            features[LABEL] = {"names": list(names), "_type": "ClassLabel"}
        return features

    def _find_types(self) -> dict[str, Any]:
        """The type of each column; None for JSON."""
        types: dict[str, Any] = {}
        for rows in self._rows():
            for name in rows[0]:
                types[name] = self._common(types.get(name, self._pa.null()), _values(rows, name))
        for rows in self._rows():
            types = {name: kind if self._holds(kind, _values(rows, name)) else None for name, kind in types.items()}
        return types

    def _rows(self) -> Iterator[list[Row]]:
        samples = iter(self._contents)
        while rows := [self._row(sample) for sample in islice(samples, LOOKED_AT)]:
            yield rows

    def _common(self, kind: Any, values: Sequence[Any]) -> Any:
        """A type for these values and for those before."""
        pa = self._pa
        try:
            schemas = [pa.schema([("column", each)]) for each in (kind, pa.infer_type(values))]
            return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
        except (pa.ArrowException, ValueError, TypeError, OverflowError):  # whatever it raises of odd values
            return None

    def _holds(self, kind: Any, values: Sequence[Any]) -> bool:
        """Whether values of a type can be written, which some types cannot."""
        pa, parquet = self._pa, import_pyarrow("pyarrow.parquet")
        try:
            parquet.write_table(pa.table({"column": pa.array(values, kind)}), pa.BufferOutputStream())
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return False
        return kind is not None


def _column(name: str) -> str:
    """A name that may hold what JSON can and UTF-8 cannot say."""
    return name.encode("utf-8", "backslashreplace").decode()


def _values(rows: Sequence[Row], name: str, *, is_text: bool = False) -> list[Any]:
    values = [row[name] for row in rows]
    return [json.dumps(value) if is_text and value is not None else value for value in values]
