"""Parquet files as Hugging Face lays them out, one or all shards of a dataset, in the order of their rows.

    footers --rows, labels, what has no image--> entries       a group of rows --decoded when asked for--> the last two

An image is called by its `path`, where every row has one of its own; else by its row, FILE/00000012. The last two
groups are shared by all threads: those read images that lie side by side, and each would decode the same group itself.
"""

from __future__ import annotations

import json
import threading
from array import array
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from artfp.data.labels import Labels
from artfp.data.listing import Listing
from artfp.data.metadata import ExtraColumns, safe_column
from artfp.data.parquet_file import Layout, ParquetFile
from artfp.data.remote import HubFile
from artfp.data.source import Source, naming, reason
from artfp.errors import BadInputError, UnreachableError
from artfp.limits import FILE_BYTES

FORMAT = "Parquet file"
KEPT = 2  # groups of rows in memory

Images = list[bytes | None]


class ParquetSource(Source):
    """The rows of Parquet files; each group of rows is decoded as a whole."""

    kind = "parquet"

    def __init__(
        self, path: Path, shards: Mapping[str, Path | HubFile] | None = None, column: str | None = None
    ) -> None:
        self._shards = list((shards or {"": path}).items())
        self._column = column  # of the images, where it was named
        self._states: list[tuple[int, int]] = []
        self._layouts: list[Layout] = []
        self._groups: list[tuple[int, int, int]] = []  # shard, place in it, rows
        self._first_rows = array("q")  # of each group
        self._lock = threading.Lock()
        self._open: tuple[int, ParquetFile] | None = None  # the shard read last
        self._kept: OrderedDict[int, Images] = OrderedDict()
        self._damaged: dict[int, str] = {}  # why a group cannot be read, which may have taken long to see
        super().__init__(path)

    def _list(self) -> Listing:
        found = Listing()
        paths: list[str | None] = []
        without: list[int] = []
        for shard in range(len(self._shards)):
            with self._file(shard) as file:
                self._states.append(file.state)
                self._layouts.append(self._checked(file))
                first, count = len(paths), self._take_groups(shard, file, len(paths), without)
                paths += file.values(file.layout.path) if file.layout.path else [None] * count
                if len(paths) != first + count:
                    raise ValueError(f"{len(paths) - first:,} paths of images in {count:,} rows")
                found.others.update({f"column {name}": count for name in file.layout.left_out})
        names = self._named(paths)
        found.images = [(name, "", row) for row, name in enumerate(names)]
        found.problems = {names[row]: _missing(paths[row]) for row in without}
        return found

    def _take_groups(self, shard: int, file: ParquetFile, first: int, without: list[int]) -> int:
        """Note where a file's groups of rows begin, and which rows have no image; how many rows there are."""
        start = first
        for place, group in enumerate(file.groups()):
            self._groups.append((shard, place, group.rows))
            self._first_rows.append(start)
            if group.missing:
                images = file.images(place, group.rows)
                without += [start + row for row, image in enumerate(images) if image is None]
            start += group.rows
        return start - first

    def _checked(self, file: ParquetFile) -> Layout:
        """What a file's columns are for; the same as in the first."""
        layout = file.layout
        first = self._layouts[0] if self._layouts else layout
        if (layout.image, layout.label, layout.classes) != (first.image, first.label, first.classes):
            raise BadInputError(f"{file.path}: other images, labels or classes than in {self._shards[0][1]}")
        return layout

    def _named(self, paths: Sequence[str | None]) -> list[str]:
        if len(set(filter(None, paths))) == len(paths):
            return [str(path) for path in paths]
        rows = Counter[int]()
        for shard, _, count in self._groups:
            rows[shard] += count
        return [
            f"{name}/{row:08d}".lstrip("/")
            for shard, (name, _) in enumerate(self._shards)
            for row in range(rows[shard])
        ]

    @contextmanager
    def _file(self, shard: int) -> Iterator[ParquetFile]:
        with naming(self._shards[shard][1], FORMAT), self._opened(shard) as file:
            yield file

    def _opened(self, shard: int) -> ParquetFile:
        file = ParquetFile(self._shards[shard][1], self._column)
        if shard < len(self._states) and file.state != self._states[shard]:
            file.close()
            raise ValueError("it has changed since it was listed")
        return file

    def _fetch(self, handle: Any) -> bytes:
        group = bisect_right(self._first_rows, handle) - 1
        image = self._images(group)[handle - self._first_rows[group]]
        if image is None:
            raise ValueError("the file holds none")
        if len(image) > FILE_BYTES.value:
            raise ValueError(f"{len(image):,} bytes, {FILE_BYTES.words}")
        return image

    def _images(self, group: int) -> Images:
        with self._lock:
            if group in self._damaged:
                raise ValueError(self._damaged[group])
            if group not in self._kept:
                while len(self._kept) >= KEPT:
                    self._kept.popitem(last=False)
                self._kept[group] = self._decoded(group)
            self._kept.move_to_end(group)
            return self._kept[group]

    def _decoded(self, group: int) -> Images:
        shard, place, rows = self._groups[group]
        try:
            if self._open is None or self._open[0] != shard:
                self._close_file()
                self._open = shard, self._opened(shard)
            return self._open[1].images(place, rows)
        except (MemoryError, UnreachableError):
            raise
        except Exception as error:  # whatever pyarrow's decoders raise
            self._damaged[group] = f"{self._shards[shard][1]}, group {place} of rows: {reason(error)}"
            raise ValueError(self._damaged[group]) from error

    def _own_labels(self) -> Labels:
        layout = self._layouts[0]
        if layout.label is None:
            return Labels()
        found: list[int | None] = []
        for shard in range(len(self._shards)):
            with self._file(shard) as file:
                values = file.values(layout.label)
                found += [value if value is not None and value >= 0 else None for value in values]  # -1 is unknown
        if len(found) != len(self):
            raise BadInputError(f"{self.path}: {len(found):,} labels for {len(self):,} images")
        if all(label is None for label in found):
            return Labels()
        return Labels(f"column {layout.label}", found, layout.classes)

    def _add_columns(self, extra: ExtraColumns) -> None:
        for index, record in zip(range(len(self)), self._records(), strict=False):  # without columns there are none
            extra.add(index, {safe_column(name): value for name, value in record.items()})

    def _records(self) -> Iterator[dict[str, Any]]:
        for shard in range(len(self._shards)):
            with self._file(shard) as file:
                yield from file.records()

    def _more_stamps(self) -> Iterator[str]:
        for shard, (name, _) in enumerate(self._shards):
            with self._file(shard) as file:
                yield f"{name} {file.identity()}"
        yield f"{self.labels.by_index}"
        for record in self._records():
            yield json.dumps(record)

    def close(self) -> None:
        """Close the file read last, too."""
        super().close()
        self._close_file()

    def _close_file(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _missing(path: str | None) -> str:
    return f"not in the file, which holds only its path {path}" if path else "the row holds no image"
