"""Datasets as ordered lists of named images, whatever they lie in: what all kinds of source have in common.

What is an image by its name but must not be read (a link that leaves the folder, a path that leaves the archive, an
absurd size) stays in the list, and reading it says why. Labels: `labels.py`; extra columns: `metadata.py`.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, overload

from artfp.data import labels, metadata
from artfp.data.labels import Label, Labels
from artfp.data.listing import LABEL_FILE, Listing, unicode_name
from artfp.data.metadata import ExtraColumns
from artfp.errors import ArtfpError, BadInputError, UnreachableError


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
        self.others = dict(found.others.most_common())
        self._names, self._handles = found.names, found.handles
        self._problems = {unicode_name(name): why for name, why in found.problems.items()}
        self._tables = sorted(found.tables)
        self._stamp = hashlib.sha256()
        for name, stamp, _ in found.images:
            self._stamp.update(f"{len(name)} {unicode_name(name)} {stamp}\n".encode())

    @property
    def refused(self) -> int:
        """How many of its images must not be read."""
        return len(self._problems)

    @property
    def names(self) -> Sequence[str]:
        """The names of all images in order."""
        return self._names

    @property
    def entries(self) -> Sequence[Entry]:
        """All images in order."""
        return self

    @property
    def revision(self) -> str | None:
        """The version of it that was opened, where others may follow under the same name."""
        return None

    @property
    def title(self) -> str:
        """What it is called in front of people."""
        return unicode_name(str(self.path))

    @property
    def lasting_path(self) -> Path:
        """What opens the same from anywhere, and later."""
        return self.path.absolute()

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

    def place(self, index: int) -> str:
        """Where an image is, for people and to tell it from those of other sources."""
        return f"{self.title}/{self._names[index]}"

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
        except (MemoryError, UnreachableError):
            raise
        # A damaged archive makes zipfile raise zlib.error, RuntimeError, NotImplementedError, struct.error ...
        except Exception as error:
            raise BadInputError(f"{name}: not readable ({reason(error)})") from error

    @functools.cached_property
    def labels(self) -> Labels:
        """The class labels: of `dataset.json`, or of what the kind of source has for them."""
        if LABEL_FILE in self._tables:
            with self._table(LABEL_FILE) as stream:
                document = json.load(stream)
            return labels.from_document(document, self._indices(), f"{self.path}: {LABEL_FILE}")
        return self._own_labels()

    @functools.cached_property
    def columns(self) -> ExtraColumns:
        """The extra columns of its metadata files, and those that the kind of source has."""
        extra = ExtraColumns(len(self))
        tables = [name for name in self._tables if name != LABEL_FILE]
        indices = self._indices() if tables else {}
        try:
            for name in tables:
                with self._table(name) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
                    metadata.read_into(extra, text, name, indices, f"{self.path}: ")
            self._add_columns(extra)
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
        for line in self._more_stamps():
            stamp.update(f"{line}\n".encode())
        return stamp.hexdigest()

    @contextmanager
    def _table(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._open_table(name) as stream:
                yield stream
        except (ArtfpError, MemoryError):
            raise
        except Exception as error:  # of a damaged archive, or whatever a crafted table makes its reader raise
            raise BadInputError(f"{self.path}: {name} is not readable ({reason(error)})") from error

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
    def _list(self) -> Listing:
        """Everything there is, the images in their order."""

    @abstractmethod
    def _fetch(self, handle: Any) -> bytes: ...

    def _open_table(self, name: str) -> IO[bytes]:
        raise FileNotFoundError(name)

    def _own_labels(self) -> Labels:
        return labels.from_folders(self._names, frozenset(self._problems))

    def _add_columns(self, extra: ExtraColumns) -> None:
        """Add what the kind of source has for columns beside metadata files."""

    def _more_stamps(self) -> Iterator[str]:
        """A hash of each piece of labels and columns that is no table."""
        return iter(())


@contextmanager
def naming(path: object, kind: str) -> Iterator[None]:
    """Turn whatever a damaged file makes its reader raise into one error that names the file."""
    try:
        yield
    except ArtfpError:
        raise
    except Exception as error:  # a crafted file raises struct.error, ValueError, RecursionError ...
        raise BadInputError(f"{path}: not a readable {kind} ({reason(error)})") from error


def reason(error: Exception) -> str:
    """What went wrong, without the path that the message names already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
