"""Zips and tars: archives that are read member by member and never extracted.

A tar is what WebDataset calls a shard, alone or one of many that make up a dataset. Its members are taken by name, as
in every other source, and not in the archive's order: one collection is one dataset with one order, however it was
packed. Files that share all of their name before its first dot are one sample:

    000123.png   an image         000123.json   columns: the entries of its object
    000123.cls   its label        000123.txt    a column `txt`

Classes are called what such a column `class_name` says, if there is one.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from artfp.data import labels
from artfp.data.labels import Labels
from artfp.data.listing import (
    Listing,
    check_table,
    inside,
    is_hidden,
    is_table,
    matters,
    member_name,
    unicode_name,
    walk_zip,
)
from artfp.data.metadata import ExtraColumns, safe_column
from artfp.data.source import Source, naming
from artfp.data.tar import Member, members
from artfp.data.zips import open_member, unpacked
from artfp.errors import BadInputError
from artfp.limits import FIELD_BYTES

MOST_CLASSES = 1 << 20  # whose names are looked for
CLASS = "class_name"
FIELDS = frozenset({"cls", "json", "txt"})


class ZipSource(Source):
    """A zip archive; members are read one by one, nothing is written anywhere."""

    kind = "zip"

    def _list(self) -> Listing:
        self._lock = threading.Lock()  # zipfile counts its open members without one
        with naming(self.path, self.kind):
            self._archive = zipfile.ZipFile(self.path)
            found = walk_zip(self._archive).by_name()
        found.refuse_twins()
        return found

    def _fetch(self, handle: Any) -> bytes:
        with self._lock:
            return unpacked(self._archive, handle)

    def _open_table(self, name: str) -> IO[bytes]:
        found = [info for info in self._archive.infolist() if member_name(info) == name]
        if len(found) > 1:
            raise BadInputError(f"{self.path}: {name} is in the archive twice")
        return open_member(self._archive, found[0], self.path)

    def _own_labels(self) -> Labels:
        return labels.from_folders(self._names, frozenset(self._problems), archive=True)

    def close(self) -> None:
        """Close the archive too."""
        super().close()
        self._archive.close()


class Place(NamedTuple):
    """Where a member's content lies."""

    shard: int
    offset: int
    size: int


class TarSource(Source):
    """A tar, or all shards of a dataset, whose names then begin with the shard's; read in place, by offset."""

    kind = "tar"

    def __init__(self, path: Path, shards: Mapping[str, Path] | None = None) -> None:
        self._shards = list((shards or {"": path}).items())
        self._stats: list[tuple[int, int]] = []
        self._table_places: dict[str, Place] = {}
        self._fields: dict[str, Place] = {}
        self._twice: set[str] = set()  # tables and fields that a shard has more than once
        super().__init__(path)

    def _list(self) -> Listing:
        found = Listing()
        for shard, (name, path) in enumerate(self._shards):
            with naming(path, self.kind), path.open("rb") as stream:
                self._stats.append(_state(stream))
                prefix = f"{unicode_name(name)}/" if name else ""
                for member in members(stream.fileno(), self._stats[shard][0]):
                    self._sort_in(found, prefix, shard, member)
        self._leave_out_fields(found)
        found.by_name().refuse_twins()
        return found

    def _sort_in(self, found: Listing, prefix: str, shard: int, member: Member) -> None:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        name, place = prefix + "/".join(parts), Place(shard, member.offset, member.size)
        if not inside(member.name):
            found.refuse(unicode_name(prefix + member.name), "a path that leaves the archive")
        elif any(map(is_hidden, parts)):
            return
        elif member.problem:
            if matters(name):
                found.refuse(unicode_name(name), member.problem)
        elif is_table(name):
            found.add(name, place.size, place)
            self._keep(self._table_places, name, place)
        elif _field(name) in FIELDS:
            self._keep(self._fields, unicode_name(f"{_sample(name)}.{_field(name)}"), place)
        else:
            found.add(unicode_name(name), place.size, place)

    def _keep(self, places: dict[str, Place], name: str, place: Place) -> None:
        if name in places:
            self._twice.add(name)
        places[name] = place

    def _leave_out_fields(self, found: Listing) -> None:
        """A README.txt is no field: only what has an image beside it is."""
        samples = {_sample(name) for name, _, _ in found.images}
        for name in [name for name in self._fields if _sample(name) not in samples]:
            found.others[f".{_field(name)}"] += 1
            del self._fields[name]

    def _fetch(self, handle: Any) -> bytes:
        with self._open(handle.shard) as stream:
            data = os.pread(stream.fileno(), handle.size, handle.offset)
        if len(data) != handle.size:
            raise ValueError("the archive ends within it")
        return data

    def _open(self, shard: int) -> IO[bytes]:
        """Open a shard, for one reading: thousands of shards would exhaust what a process may hold open."""
        stream = self._shards[shard][1].open("rb", buffering=0)
        if _state(stream) != self._stats[shard]:
            stream.close()
            raise ValueError("the archive has changed since it was listed")
        return stream

    def _open_table(self, name: str) -> IO[bytes]:
        self._check_once(name)
        place = self._table_places[name]
        check_table(self.path, name, place.size)
        return io.BufferedReader(_Window(self._open(place.shard), place))

    def _own_labels(self) -> Labels:
        found = [self._class(name) for name in self._names]
        if any(label is not None for label in found):
            return Labels(".cls files", found, self._class_names(found))
        return labels.from_folders([*self._inner_names()], frozenset(self._problems), archive=True)

    def _class_names(self, labels: Sequence[int | None]) -> list[str] | None:
        """The `class_name` beside the first image of each class, where each of them has one of its own."""
        first: dict[int, str] = {}
        for image, label in zip(self._names, labels, strict=True):
            if label is not None:
                first.setdefault(label, image)
        with suppress(BadInputError):  # if it matters, whoever reads the columns says so
            found = {label: self._described(f"{_sample(image)}.json").get(CLASS) for label, image in first.items()}
            names = {label: name for label, name in found.items() if isinstance(name, str)}
            if max(first) < MOST_CLASSES and len(set(names.values())) == len(first):
                return [names.get(label, str(label)) for label in range(max(first) + 1)]
        return None

    def _inner_names(self) -> Iterator[str]:
        """The names as each shard has them; of what is refused as it is listed."""
        for name, handle in zip(self._names, self._handles, strict=True):
            shard = "" if name in self._problems else unicode_name(self._shards[handle.shard][0])
            yield name[len(shard) + 1 :] if shard else name

    def _class(self, image: str) -> int | None:
        name = f"{_sample(image)}.cls"
        if name not in self._fields:
            return None
        text = self._text(name).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise BadInputError(f"{self.path}: {name} holds {text[:20]!r}; a label is a whole number from 0")
        return int(text)

    def _add_columns(self, extra: ExtraColumns) -> None:
        for index, image in enumerate(self._names):
            row = self._described(f"{_sample(image)}.json")
            if (name := f"{_sample(image)}.txt") in self._fields:
                row["txt"] = self._text(name)
            if row:
                extra.add(index, row)

    def _described(self, name: str) -> dict[str, Any]:
        if name not in self._fields:
            return {}
        try:
            row = json.loads(self._text(name))
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"{self.path}: {name} is no JSON ({error})") from error
        return {safe_column(key): value for key, value in row.items()} if isinstance(row, dict) else {"json": row}

    def _text(self, name: str) -> str:
        try:
            return self._field_bytes(name).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInputError(f"{self.path}: {name} is no UTF-8 text ({error})") from error

    def _field_bytes(self, name: str) -> bytes:
        self._check_once(name)
        place = self._fields[name]
        if place.size > FIELD_BYTES.value:
            raise BadInputError(f"{self.path}: {name}: {place.size:,} bytes, {FIELD_BYTES.words}")
        with naming(self._shards[place.shard][1], self.kind):
            return self._fetch(place)

    def _check_once(self, name: str) -> None:
        if name in self._twice:
            raise BadInputError(f"{self.path}: {name} is in the archive twice")

    def _more_stamps(self) -> Iterator[str]:
        for name in sorted(self._fields):
            yield f"{name} {hashlib.sha256(self._field_bytes(name)).hexdigest()}"


class _Window(io.RawIOBase):
    """A member of a tar as a file of its own."""

    def __init__(self, stream: IO[bytes], place: Place) -> None:
        self._stream, self._at, self._end = stream, place.offset, place.offset + place.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._stream.fileno(), min(len(buffer), self._end - self._at), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _sample(name: str) -> str:
    """What the files of one sample have in common: the path up to the first dot of the file's name."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def _field(name: str) -> str:
    """What a file is of its sample: whatever follows that dot."""
    return name.rpartition("/")[2].partition(".")[2].lower()


def _state(stream: IO[bytes]) -> tuple[int, int]:
    """Size and time: when they change, offsets mean nothing any more."""
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns
