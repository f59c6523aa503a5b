"""The images of a dataset that is about to get its name, with all that is said of them, from staging and source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Literal, NamedTuple

from artfp.data.journal import Row
from artfp.data.labels import Label
from artfp.data.outputs import Output
from artfp.data.source import Entry, Source
from artfp.data.writers import image_name

MOST_CLASSES = 10**9  # above, a label is a number like any other

LabelKind = Literal["class", "other", "none"]


class Sample(NamedTuple):
    """One image: its name in the dataset, what it was in the source, the file as it is staged."""

    name: str
    entry: Entry
    row: Row


class Contents:
    """All of them in order, any number of times; in memory is one at a time."""

    def __init__(self, staged: Path, rows: Callable[[], Iterable[Row]], source: Source, output: Output) -> None:
        self.staged, self.source, self.output = staged, source, output
        self.files = output.files(rows())
        self._rows = rows

    def __iter__(self) -> Iterator[Sample]:
        files: Iterable[str] = chain.from_iterable(repeat(file.name, file.images) for file in self.files)
        for row, file in zip(self._rows(), files if self.files else repeat(""), strict=False):
            yield Sample(self.output.image_name(row.image, file), self.source[row.image], row)

    def read(self, sample: Sample) -> bytes:
        """The bytes of an image's file."""
        return (self.staged / image_name(sample.row.image)).read_bytes()

    def columns(self, sample: Sample) -> dict[str, Any]:
        """What is told of an image beside its name: by us, and by the source, whose columns come before ours."""
        row: dict[str, Any] = {"source_file": sample.entry.name}
        if self.source.labels.by_index is not None:
            row |= {"label": sample.entry.label, "class_name": sample.entry.class_name}
        return row | self.source.columns.row(sample.entry.index)

    @cached_property
    def label_kinds(self) -> set[LabelKind]:
        """What there is among their labels."""
        return {_kind(self.source.labels.label(row.image)) for row in self._rows()}


def _kind(label: Label | None) -> LabelKind:
    if label is None:
        return "none"
    return "class" if isinstance(label, int) and label < MOST_CLASSES else "other"
