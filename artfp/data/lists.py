"""Lists of paths: a text file with the path of an image in each line, relative to the list's own folder.

The order is the list's. Its paths may lead anywhere and be links, since whoever wrote it meant these files. A
`dataset.json` or metadata file beside the list serves it as it serves the folder: a list is also a way to take a part
of a dataset.
"""

from __future__ import annotations

import functools
import os
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from artfp.data import labels, metadata
from artfp.data.labels import Labels
from artfp.data.listing import LABEL_FILE, Listing, unicode_name
from artfp.data.source import Source, naming
from artfp.errors import BadInputError
from artfp.limits import FILE_BYTES

LISTS = frozenset({".txt", ".lst"})
LONGEST = 1 << 15  # bytes of a line; no system has such paths


class ListSource(Source):
    """The images that a list names."""

    kind = "list"

    def _list(self) -> Listing:
        found, seen = Listing(), set[str]()
        with naming(self.path, "list of paths"), self.path.open("rb") as stream:
            for text in _paths(stream):
                name = posixpath.normpath(text)
                if name in seen:
                    raise BadInputError(f"{self.path}: names {unicode_name(name)} twice")
                seen.add(name)
                size, problem = _looked_at(self.path.parent / text)
                if problem:
                    found.problems[name] = problem
                found.note(name, problem or str(size), text)
        tables = (LABEL_FILE, *sorted(metadata.NAMES))
        found.tables = [name for name in tables if (self.path.parent / name).is_file()]
        return found

    def place(self, index: int) -> str:
        """The image's own path."""
        return unicode_name(str(self.path.parent / self._handles[index]))

    def _fetch(self, handle: Any) -> bytes:
        return (self.path.parent / str(handle)).read_bytes()

    def _open_table(self, name: str) -> IO[bytes]:
        return (self.path.parent / name).open("rb")

    def _own_labels(self) -> Labels:
        """Of the folders below the one that all the images have in common."""
        paths = [posixpath.normpath(posixpath.join(os.path.abspath(self.path.parent), name)) for name in self._names]  # noqa: PTH100 - text is faster
        skip = frozenset(path for path, name in zip(paths, self._names, strict=True) if name in self._problems)
        good = [posixpath.dirname(path) for path in paths if path not in skip]
        start = len(posixpath.commonpath(good).rstrip("/")) + 1 if good else 0
        return labels.from_folders([path if path in skip else path[start:] for path in paths], skip)


def _paths(stream: IO[bytes]) -> Iterator[str]:
    """The lines that are not empty."""
    lines = iter(functools.partial(stream.readline, LONGEST), b"")
    for number, line in enumerate(lines, 1):
        path = line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").rstrip(b"\r\n")
        if b"\0" in path or len(line) == LONGEST:
            raise ValueError(f"line {number} is no path; write one path a line, as UTF-8")
        if path:
            yield os.fsdecode(path)


def _looked_at(path: Path) -> tuple[int, str]:
    """The size of a file, and why it must not be read."""
    try:
        found = path.stat()
    except OSError as error:
        return 0, f"not readable ({error.strerror})"
    if not stat.S_ISREG(found.st_mode):
        return 0, "not a file"
    return found.st_size, f"{found.st_size:,} bytes, {FILE_BYTES.words}" if found.st_size > FILE_BYTES.value else ""
