"""Datasets as ordered lists of named images: a folder of any depth, or a zip that is read and never extracted.

The order is that of the names as strings. Hidden files and `__MACOSX` do not exist; other files are counted by
suffix. What is an image by its name but must not be read (a link that leaves the folder, a path that leaves the
archive, an absurd size) stays in the list, and reading it says why. Labels: `labels.py`; extra columns: `metadata.py`.
"""

from __future__ import annotations

import functools
import glob
import hashlib
import io
import json
import os
import threading
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Self, overload

from artfp.data import labels, metadata
from artfp.data.labels import Label, Labels
from artfp.data.listing import LABEL_FILE, MAX_FILE_BYTES, Listing, walk_folder, walk_zip
from artfp.data.metadata import ExtraColumns
from artfp.errors import BadInputError, UsageError
from artfp.images import EXTENSIONS

MAX_TABLE_BYTES = 1 << 31


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a source; `problem` says why it must not be read."""

    index: int
    name: str
    label: Label | None = None
    class_name: str | None = None
    problem: str | None = None


class Source(ABC, Sequence[Entry]):
    """A dataset: a sequence of entries, and the bytes of each. Use as a context manager."""

    kind: str

    def __init__(self, path: Path) -> None:
        self.path = path
        found = self._list()
        found.images.sort(key=itemgetter(0))
        self.others = dict(found.others.most_common())
        self._names = [_unicode(name) for name, _, _ in found.images]
        self._handles = [handle for _, _, handle in found.images]
        self._problems = {_unicode(name): why for name, why in found.problems.items()}
        self._tables = sorted(found.tables)
        self._stamp = hashlib.sha256()
        for name, stamp, _ in found.images:
            self._stamp.update(f"{len(name)} {_unicode(name)} {stamp}\n".encode())

    @property
    def refused(self) -> int:
        """How many of its images must not be read."""
        return len(self._problems)

    @property
    def entries(self) -> Sequence[Entry]:
        """All images in order."""
        return self

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        name = self._names[index]
        index = range(len(self))[index]
        return Entry(index, name, self.labels.label(index), self.labels.class_name(index), self._problems.get(name))

    def read(self, entry: Entry) -> bytes:
        """The bytes of an image's file."""
        return self.read_at(entry.index)

    def read_at(self, index: int) -> bytes:
        """The bytes of the image file at an index; safe from several threads."""
        name = self._names[index]
        if name in self._problems:
            raise BadInputError(f"{name}: {self._problems[name]}")
        try:
            return self._fetch(self._handles[index])
        except MemoryError:
            raise
        # A damaged archive makes zipfile raise zlib.error, RuntimeError, NotImplementedError, struct.error ...
        except Exception as error:
            raise BadInputError(f"{name}: not readable ({_reason(error)})") from error

    @functools.cached_property
    def labels(self) -> Labels:
        """The class labels: of `dataset.json`, or of the folders."""
        if LABEL_FILE in self._tables:
            with self._table(LABEL_FILE) as stream:
                document = json.load(stream)
            return labels.from_document(document, self._indices(), f"{self.path}: {LABEL_FILE}")
        return labels.from_folders(self._names, frozenset(self._problems), archive=self.kind == "zip")

    @functools.cached_property
    def columns(self) -> ExtraColumns:
        """The extra columns of its metadata files."""
        extra = ExtraColumns(len(self))
        tables = [name for name in self._tables if name != LABEL_FILE]
        indices = self._indices() if tables else {}
        try:
            for name in tables:
                with self._table(name) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
                    metadata.read_into(extra, text, name, indices)
        except BaseException:
            extra.close()
            raise
        return extra

    @functools.cached_property
    def sha256(self) -> str:
        """A hash of names and sizes (in a zip also checksums) of the images and of all labels and metadata."""
        stamp = self._stamp.copy()
        for name in self._tables:
            with self._table(name) as stream:
                stamp.update(f"{name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())  # type: ignore[arg-type]
        return stamp.hexdigest()

    @contextmanager
    def _table(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._open_table(name) as stream:
                yield stream
        except (OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise BadInputError(f"{self.path}: {name} is not readable ({_reason(error)})") from error

    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self._names)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what the source holds open."""
        if "columns" in self.__dict__:
            self.columns.close()

    @abstractmethod
    def _list(self) -> Listing: ...

    @abstractmethod
    def _fetch(self, handle: Any) -> bytes: ...

    @abstractmethod
    def _open_table(self, name: str) -> IO[bytes]: ...


class FolderSource(Source):
    """A folder and everything below it."""

    kind = "folder"

    def _list(self) -> Listing:
        return walk_folder(self.path)

    def _fetch(self, handle: Any) -> bytes:
        return (self.path / str(handle)).read_bytes()

    def _open_table(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


class ZipSource(Source):
    """A zip archive; members are read one by one, nothing is written anywhere."""

    kind = "zip"

    def _list(self) -> Listing:
        self._lock = threading.Lock()  # zipfile counts its open members without one
        try:
            self._archive = zipfile.ZipFile(self.path)
        except Exception as error:  # a crafted central directory raises struct.error, ValueError ...
            raise BadInputError(f"{self.path}: not a readable zip ({_reason(error)})") from error
        return walk_zip(self._archive)

    def _fetch(self, handle: Any) -> bytes:
        with self._lock:
            return self._archive.read(handle)

    def _open_table(self, name: str) -> IO[bytes]:
        if self._archive.getinfo(name).file_size > MAX_TABLE_BYTES:
            raise BadInputError(f"{self.path}: {name} is over {MAX_TABLE_BYTES:,} bytes")
        return self._archive.open(name)

    def close(self) -> None:
        """Close the archive too."""
        super().close()
        self._archive.close()


def open_source(path: Path) -> Source:
    """The dataset at a path: a folder or a zip."""
    if path.is_dir():
        return FolderSource(path)
    if path.is_file() and (path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)):
        return ZipSource(path)
    if path.exists():
        raise UsageError(f"{path}: neither a folder nor a zip")
    raise UsageError(f"{path}: no such folder or zip")


def collect(paths: Sequence[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every image under files, folders, zips and glob patterns, as its name and a function that reads it."""
    for text in paths:
        if os.path.lexists(text):
            yield from _images_at(Path(text))
            continue
        matches = [Path(name) for name in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207 - the pattern may be absolute
        files = [path for path in matches if path.is_file() and path.suffix.lower() in {*EXTENSIONS, ".zip"}]
        usable = files or [path for path in matches if path.is_dir()]  # `**` matches the files' own folders too
        if not usable:
            raise UsageError(f"{text}: no such file or folder, and no pattern that matches an image")
        for path in usable:
            yield from _images_at(path)


def _images_at(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if not path.is_dir() and path.suffix.lower() != ".zip":
        yield _unicode(str(path)), functools.partial(_read_file, path)
        return
    source = open_source(path)
    for index in range(len(source)):
        yield f"{_unicode(str(path))}/{source._names[index]}", functools.partial(source.read_at, index)


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInputError(f"{path}: over the limit of {MAX_FILE_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error.strerror})") from error


def _unicode(name: str) -> str:
    """A file name that is no UTF-8, as text that is."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
